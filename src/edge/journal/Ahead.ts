/**
 * Packets and their indexes, which lie in two sockets: streams of which one of the two was heard and not the other. The
 * relay waits for the packet of an index: it can put down no mark before it has both. Of two that are far from each
 * other in the journal neither can be dropped without the other.
 */
import * as SendIndex from "../../protocol/control/SendIndex.ts"

const { offsets } = SendIndex

export class Ahead {
  /** By stream, sequence numbers: of the packet that was heard last, all of it. */
  readonly #packets = new Map<bigint, bigint>()
  /** Of an index whose packet has not come. */
  readonly #early = new Map<bigint, bigint>()
  /** Of the packet that began last, and whose index was not heard. */
  readonly #bare = new Map<bigint, bigint>()
  /** Connections that bring packets, and are not read. */
  #heldCount = 0
  /** Tracers before 2.4 send none. */
  #hasIndexes = false

  /** `payload` from `at` is that of SEND_INDEX. */
  index(payload: Buffer, at: number): void {
    // That of a beacon has no packet: it may have the number of the next.
    if (payload.readBigUInt64BE(at + offsets.packetSize) === 0n) return
    const stream = payload.readBigUInt64BE(at + offsets.relayStreamId)
    const sequence = payload.readBigUInt64BE(at + offsets.netSeqNum)
    this.#hasIndexes = true
    if (sequence > (this.#packets.get(stream) ?? -1n)) this.#early.set(stream, sequence)
    if (sequence >= (this.#bare.get(stream) ?? 0n)) this.#bare.delete(stream)
  }

  /** Something of it is in the journal. */
  begun(stream: bigint, sequence: bigint): void {
    if (this.#hasIndexes && sequence > (this.#early.get(stream) ?? -1n)) this.#bare.set(stream, sequence)
  }

  /** It has all come. */
  packet(stream: bigint, sequence: bigint): void {
    this.#packets.set(stream, sequence)
    const index = this.#early.get(stream)
    if (index !== undefined && index <= sequence) this.#early.delete(stream)
  }

  /** No more is heard of it. */
  forget(stream: bigint): void {
    this.#packets.delete(stream)
    this.#early.delete(stream)
    this.#bare.delete(stream)
  }

  /** Streams of which something is remembered. */
  get size(): number {
    return new Set([...this.#packets.keys(), ...this.#early.keys(), ...this.#bare.keys()]).size
  }

  /** An index is ahead of its packet. */
  get isSo(): boolean {
    return this.#early.size > 0
  }

  /** What comes next may belong to what was heard before. */
  get isParted(): boolean {
    return this.#bare.size > 0 || this.#early.size > 0
  }

  /** A connection that brings packets is not read for want of room, or is again. */
  hold(isHeld: boolean): void {
    this.#heldCount += isHeld ? 1 : -1
  }

  get isHeld(): boolean {
    return this.#heldCount > 0
  }
}
