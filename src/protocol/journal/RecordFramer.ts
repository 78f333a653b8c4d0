/**
 * Cuts the bytes of a journal into records. Plain code, no I/O. A record that lies whole in one read is lent as it is;
 * only one that is cut is gathered. `push` stops behind a record if the sink can take no more, and answers where.
 */
import { u64At } from "../Struct.ts"
import { headBytes, offsets, payloadBytesMax } from "./Record.ts"

/** `bytes[from, to)` is the payload, the sink's to change during the call. False: take no more until the next push. */
export type RecordSink = (
  number: number,
  kind: number,
  connection: number,
  bytes: Buffer,
  from: number,
  to: number
) => boolean

/** Kept for the next record that is cut: enough for those of packets that an edge sends (`pieceBytesMax`). */
export const keptBytesMax = 132 * 1024

/** At first; what has come of a record takes at most twice as much as it is, whatever its head says. */
const roomBytesMin = 4096

const nothing = Buffer.alloc(0)

export class RecordFramer {
  readonly #sink: RecordSink
  readonly #head = Buffer.alloc(headBytes)
  /** Bytes of a record that is cut: its head alone until all of that is there. */
  #gathered: Buffer = this.#head
  #filled = 0
  /** Where records that are cut are gathered. */
  #room: Buffer = nothing
  #isUsed = false
  /** True: a record announced too long a payload, or has a number that is too large for any. */
  isDead = false

  constructor(sink: RecordSink) {
    this.#sink = sink
  }

  /** Size of the record that has come in part; 0: of none, or its head has not come. */
  get comingBytes(): number {
    return this.#filled < headBytes ? 0 : this.#sizeOf(this.#gathered, 0, this.#filled)
  }

  /** So much of a record has come that is not whole. */
  get withinBytes(): number {
    return this.#filled
  }

  /** To be called now and then: gives back what nothing has been gathered in since it was called before. */
  rest(): void {
    if (!this.#isUsed) this.#room = nothing
    this.#isUsed = false
  }

  /** Takes `bytes[at, length)`; answers the position it stopped at. */
  push(bytes: Buffer, at: number, length: number): number {
    let position = at
    let goesOn = true
    while (goesOn && !this.isDead && position < length) {
      if (this.#filled === 0) {
        const size = this.#sizeOf(bytes, position, length - position)
        if (size <= length - position) {
          goesOn = this.#deliver(bytes, position)
          position += size
          continue
        }
      }
      position = this.#gather(bytes, position, length)
      if (this.#filled < headBytes || this.#filled < this.#sizeOf(this.#gathered, 0, this.#filled)) continue
      const whole = this.#gathered
      this.#gathered = this.#head
      this.#filled = 0
      if (this.#room.length > keptBytesMax) this.#room = nothing
      goesOn = this.#deliver(whole, 0)
    }
    return position
  }

  #gather(bytes: Buffer, at: number, length: number): number {
    const size = this.#sizeOf(this.#gathered, 0, this.#filled)
    if (this.isDead) return at
    const taken = Math.min(size - this.#filled, length - at)
    if (this.#filled + taken > this.#gathered.length) this.#gatherIn(this.#roomFor(this.#filled + taken, size))
    bytes.copy(this.#gathered, this.#filled, at, at + taken)
    this.#filled += taken
    return at + taken
  }

  /** For the first `byteCount` of `size` bytes. */
  #roomFor(byteCount: number, size: number): Buffer {
    const length = Math.min(Math.max(size, keptBytesMax), Math.max(roomBytesMin, 2 * byteCount))
    return byteCount > this.#room.length ? Buffer.allocUnsafeSlow(length) : this.#room
  }

  #gatherIn(room: Buffer): void {
    this.#gathered.copy(room, 0, 0, this.#filled)
    this.#gathered = room
    this.#room = room
    this.#isUsed = true
  }

  /** Bytes of the record at `at`, of which `available` are there; of its head as long as that is not whole. */
  #sizeOf(bytes: Buffer, at: number, available: number): number {
    if (available < headBytes) return headBytes
    const byteCount = bytes.readUInt32BE(at + offsets.byteCount)
    if (byteCount > payloadBytesMax) this.isDead = true
    return headBytes + byteCount
  }

  #deliver(bytes: Buffer, at: number): boolean {
    const number = u64At(bytes, at)
    if (!Number.isSafeInteger(number)) this.isDead = true
    if (this.isDead) return false
    const from = at + headBytes
    const to = from + bytes.readUInt32BE(at + offsets.byteCount)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    return this.#sink(number, kind, bytes.readUInt16BE(at + offsets.connection), bytes, from, to)
  }
}
