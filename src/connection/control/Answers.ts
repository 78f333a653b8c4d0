/**
 * Answers to the commands of one read, until they leave in one write. There is room for all of them: what is owed to
 * one may have to be waited for, and those before it with it.
 */
const usualBytes = 4096

export class Answers {
  #bytes = Buffer.alloc(usualBytes)
  length = 0

  code(code: number): void {
    this.#makeRoom(4)
    this.length = this.#bytes.writeUInt32BE(code, this.length)
  }

  add(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  #makeRoom(count: number): void {
    if (this.length + count <= this.#bytes.length) return
    const larger = Buffer.alloc(2 * (this.length + count))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }

  /** What is there from `place` on is not said. */
  cut(place: number): void {
    this.length = Math.min(this.length, place)
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.length))
    this.length = 0
    if (this.#bytes.length > usualBytes) this.#bytes = Buffer.alloc(usualBytes)
    return taken
  }
}
