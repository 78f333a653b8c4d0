/**
 * Cuts the bytes of a data connection into packets (streaming.md §1.3, §7.1).
 *
 * Plain code, no I/O: `push` hands every byte range to the sink and keeps nothing but a partial header. A packet of any
 * size passes through in ranges of what was read; ranges are views of the caller's buffer, valid during the call.
 * After a sink refuses a packet the framer is dead: `push` answers false for ever.
 */
import { size as headerBytes, offsets } from "./PacketHeader.ts"

/** What one connection does with packets. `false` from any member is a protocol error: the connection ends. */
export interface PacketSink {
  readonly packetBegin: (streamId: bigint, netSeqNum: bigint, dataSize: number, paddingSize: number) => boolean
  /** The next bytes `[from, to)` of the payload; `isLast`: with them it is whole. */
  readonly payload: (bytes: Buffer, from: number, to: number, isLast: boolean) => boolean
  readonly packetEnd: () => boolean
}

export class PacketFramer {
  readonly #sink: PacketSink
  readonly #header = Buffer.alloc(headerBytes)
  #headerFilled = 0
  #remaining = 0
  #dead = false

  constructor(sink: PacketSink) {
    this.#sink = sink
  }

  /** True between two packets: nothing of a packet or header has been received. */
  get isIdle(): boolean {
    return this.#remaining === 0 && this.#headerFilled === 0
  }

  /** Drops a packet or header that has begun: the next bytes begin a packet. */
  abandon(): void {
    this.#headerFilled = 0
    this.#remaining = 0
  }

  push(bytes: Buffer, length: number): boolean {
    let at = 0
    while (at < length && !this.#dead) {
      if (this.#remaining > 0) {
        const to = Math.min(length, at + this.#remaining)
        this.#remaining -= to - at
        this.#check(this.#sink.payload(bytes, at, to, this.#remaining === 0))
        at = to
        if (this.#remaining === 0 && !this.#dead) this.#check(this.#sink.packetEnd())
      } else if (this.#headerFilled === 0 && length - at >= headerBytes) {
        this.#begin(bytes, at)
        at += headerBytes
      } else {
        const taken = Math.min(length - at, headerBytes - this.#headerFilled)
        bytes.copy(this.#header, this.#headerFilled, at, at + taken)
        this.#headerFilled += taken
        at += taken
        if (this.#headerFilled === headerBytes) {
          this.#headerFilled = 0
          this.#begin(this.#header, 0)
        }
      }
    }
    return !this.#dead
  }

  #begin(bytes: Buffer, at: number): void {
    const dataSize = bytes.readUInt32BE(at + offsets.dataSize)
    this.#check(
      this.#sink.packetBegin(
        bytes.readBigUInt64BE(at + offsets.streamId),
        bytes.readBigUInt64BE(at + offsets.netSeqNum),
        dataSize,
        bytes.readUInt32BE(at + offsets.paddingSize)
      )
    )
    this.#remaining = dataSize
    // A packet without payload is complete at once.
    if (dataSize === 0 && !this.#dead) this.#check(this.#sink.packetEnd())
  }

  #check(accepted: boolean): void {
    if (!accepted) this.#dead = true
  }
}
