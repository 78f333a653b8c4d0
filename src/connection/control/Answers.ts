/**
 * A buffer for the answers to one read's commands, which leave in one write. It grows as needed: if one answer has to
 * wait, all before it wait too.
 */
const usualBytes = 512

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

  /** Drops what is there from `place` on. */
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
