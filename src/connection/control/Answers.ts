/** Answers to the commands of one read, until they leave in one write. */
const bytesMax = 4096

export class Answers {
  readonly #bytes = Buffer.alloc(bytesMax)
  length = 0

  /** False: those before have to be sent first. */
  hasRoomFor(count: number): boolean {
    return this.length + count <= bytesMax
  }

  /** There is never room for it. */
  isTooLarge(count: number): boolean {
    return count > bytesMax
  }

  code(code: number): void {
    this.length = this.#bytes.writeUInt32BE(code, this.length)
  }

  add(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** What is there from `place` on is not said. */
  cut(place: number): void {
    this.length = place
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.length))
    this.length = 0
    return taken
  }
}
