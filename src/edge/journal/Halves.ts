/**
 * Knows the streams of which a packet has come without its index, or an index without its packet: the two come by
 * different sockets. It matters for two reasons:
 *
 * - The relay can put no mark between an index and its packet, so the packet must come although the spool is full.
 * - `Thinning` drops a packet with its index, so both should lie in one segment.
 *
 * Pure. Sequence numbers are the tracer's `net_seq_num` (streaming.md §8.2).
 */
import * as SendIndex from "../../protocol/control/SendIndex.ts"

const { offsets } = SendIndex

export class Halves {
  /** By stream: the newest packet that is whole. */
  readonly #packets = new Map<bigint, bigint>()
  /** By stream: the newest index whose packet is not whole yet. */
  readonly #early = new Map<bigint, bigint>()
  /** By stream: the newest packet that has begun and whose index has not come. */
  readonly #bare = new Map<bigint, bigint>()
  /** Data connections that are not read for want of room. */
  #heldCount = 0
  /** False until the first index: tracers before 2.4 send none, and no packet waits for one. */
  #hasIndexes = false

  /** A SEND_INDEX has come, with its payload at `payload[at]`. */
  index(payload: Buffer, at: number): void {
    // A beacon: it has no packet, and may carry the number of the next one.
    if (payload.readBigUInt64BE(at + offsets.packetSize) === 0n) return
    const stream = payload.readBigUInt64BE(at + offsets.relayStreamId)
    const sequence = payload.readBigUInt64BE(at + offsets.netSeqNum)
    this.#hasIndexes = true
    if (sequence > (this.#packets.get(stream) ?? -1n)) this.#early.set(stream, sequence)
    if (sequence >= (this.#bare.get(stream) ?? 0n)) this.#bare.delete(stream)
  }

  /** The first bytes of a packet have come. */
  begun(stream: bigint, sequence: bigint): void {
    if (this.#hasIndexes && sequence > (this.#early.get(stream) ?? -1n)) this.#bare.set(stream, sequence)
  }

  /** The last byte of a packet has come. */
  packet(stream: bigint, sequence: bigint): void {
    this.#packets.set(stream, sequence)
    const index = this.#early.get(stream)
    if (index !== undefined && index <= sequence) this.#early.delete(stream)
  }

  /** The stream is closed. */
  forget(stream: bigint): void {
    this.#packets.delete(stream)
    this.#early.delete(stream)
    this.#bare.delete(stream)
  }

  /** Streams of which something is remembered. */
  get size(): number {
    return new Set([...this.#packets.keys(), ...this.#early.keys(), ...this.#bare.keys()]).size
  }

  /** Some stream's index came before its packet. */
  get hasEarlyIndex(): boolean {
    return this.#early.size > 0
  }

  /** Some stream's other half is still to come: a segment that ends here would part the two. */
  get isParted(): boolean {
    return this.#bare.size > 0 || this.#early.size > 0
  }

  /** A data connection stops being read for want of room, or is read again. */
  holdPackets(isHeld: boolean): void {
    this.#heldCount += isHeld ? 1 : -1
  }

  get arePacketsHeld(): boolean {
    return this.#heldCount > 0
  }
}
