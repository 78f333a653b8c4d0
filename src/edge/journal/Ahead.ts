/**
 * Streams of which an index was heard before its packet: what a tracer says lies in two sockets. The relay can put down
 * no mark before it has both.
 */
import * as SendIndex from "../../protocol/control/SendIndex.ts"

const { offsets } = SendIndex

export class Ahead {
  /** By stream, sequence numbers: what was heard last of each. */
  readonly #packets = new Map<bigint, bigint>()
  readonly #streams = new Map<bigint, bigint>()
  /** Connections that bring packets, and are not read. */
  #heldCount = 0

  /** `payload` from `at` is that of SEND_INDEX. */
  index(payload: Buffer, at: number): void {
    // That of a beacon has no packet: it may have the number of the next.
    if (payload.readBigUInt64BE(at + offsets.packetSize) === 0n) return
    const stream = payload.readBigUInt64BE(at + offsets.relayStreamId)
    const sequence = payload.readBigUInt64BE(at + offsets.netSeqNum)
    if (sequence > (this.#packets.get(stream) ?? -1n)) this.#streams.set(stream, sequence)
  }

  /** It has all come. */
  packet(stream: bigint, sequence: bigint): void {
    this.#packets.set(stream, sequence)
    const index = this.#streams.get(stream)
    if (index !== undefined && index <= sequence) this.#streams.delete(stream)
  }

  /** No more is heard of it. */
  forget(stream: bigint): void {
    this.#packets.delete(stream)
    this.#streams.delete(stream)
  }

  /** Streams of which something is remembered. */
  get size(): number {
    return this.#packets.size + this.#streams.size
  }

  get isSo(): boolean {
    return this.#streams.size > 0
  }

  /** A connection that brings packets is not read for want of room, or is again. */
  hold(isHeld: boolean): void {
    this.#heldCount += isHeld ? 1 : -1
  }

  get isHeld(): boolean {
    return this.#heldCount > 0
  }
}
