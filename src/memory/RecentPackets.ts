/**
 * The newest packets of one session, so that viewers at the tail need no disk: one ring of fixed size, filled while
 * packets arrive. Each packet lies in one piece; making room for one evicts the oldest. Packets of several streams
 * arrive mixed, so a packet may be evicted before it is complete: the rest of it is then ignored.
 *
 * A packet is known by its data file, compared by identity, and its offset there.
 */

export class RecentPacket {
  readonly #ring: Buffer
  readonly file: object
  readonly offset: number
  readonly byteCount: number
  /** Where it lies in the ring. */
  readonly at: number
  filled = 0
  isEvicted = false
  /** The packet that came after it. */
  next: RecentPacket | undefined

  constructor(ring: Buffer, file: object, offset: number, byteCount: number, at: number) {
    this.#ring = ring
    this.file = file
    this.offset = offset
    this.byteCount = byteCount
    this.at = at
  }

  append(bytes: Buffer, from: number, to: number): void {
    const end = this.filled + to - from
    if (this.isEvicted || end > this.byteCount) return
    bytes.copy(this.#ring, this.at + this.filled, from, to)
    this.filled = end
  }

  appendZeros(count: number): void {
    const end = this.filled + count
    if (this.isEvicted || end > this.byteCount) return
    this.#ring.fill(0, this.at + this.filled, this.at + end)
    this.filled = end
  }

  /** Copies its bytes `[from, from + count)`. Only while it is found in the ring. */
  copy(from: number, count: number, into: Buffer, at: number): void {
    this.#ring.copy(into, at, this.at + from, this.at + from + count)
  }
}

export class RecentPackets {
  readonly #ring: Buffer
  readonly #files = new Map<object, Map<number, RecentPacket>>()
  #oldest: RecentPacket | undefined
  #newest: RecentPacket | undefined
  #end = 0

  constructor(bytesMax: number) {
    this.#ring = Buffer.allocUnsafeSlow(bytesMax)
  }

  /** Room for a packet that starts to arrive; undefined when it is larger than the ring. */
  begin(file: object, offset: number, byteCount: number): RecentPacket | undefined {
    if (byteCount === 0 || byteCount > this.#ring.length) return undefined
    if (this.#end + byteCount > this.#ring.length) {
      this.#evict(this.#end, this.#ring.length)
      this.#end = 0
    }
    this.#evict(this.#end, this.#end + byteCount)
    const packet = new RecentPacket(this.#ring, file, offset, byteCount, this.#end)
    this.#end += byteCount
    if (this.#newest === undefined) this.#oldest = packet
    else this.#newest.next = packet
    this.#newest = packet
    let offsets = this.#files.get(file)
    if (offsets === undefined) {
      offsets = new Map()
      this.#files.set(file, offsets)
    }
    offsets.set(offset, packet)
    return packet
  }

  /** The packet that begins at `offset` of `file`, if all of it is here. */
  find(file: object, offset: number): RecentPacket | undefined {
    const packet = this.#files.get(file)?.get(offset)
    return packet !== undefined && packet.filled === packet.byteCount ? packet : undefined
  }

  /** Packets are in ring order, so those in the way are the oldest. */
  #evict(from: number, to: number): void {
    while (this.#oldest !== undefined && this.#oldest.at >= from && this.#oldest.at < to) {
      const packet = this.#oldest
      packet.isEvicted = true
      this.#oldest = packet.next
      if (this.#oldest === undefined) this.#newest = undefined
      const offsets = this.#files.get(packet.file)
      if (offsets?.get(packet.offset) === packet) offsets.delete(packet.offset)
      if (offsets?.size === 0) this.#files.delete(packet.file)
    }
  }
}
