/**
 * The newest packets of one session, filled while they arrive, so that viewers at the tail need no disk. Room for one
 * is made by evicting the oldest. Packets of several streams arrive mixed, so a packet may be evicted before it is
 * whole: the rest of it is then ignored.
 *
 * A packet is known by its data file, compared by identity, and its offset there. Whole packets are lent to sockets as
 * they lie here, behind room for a reply's head: a hundred viewers send the same bytes. An evicted packet's memory is
 * used again when the last of them has given it back; until then it is memory beyond the limit, at most one reply per
 * viewer.
 */

import { allocateShared, besideBytesMin } from "./Piece.ts"

/** Bytes a reply may put in front of a packet. */
export const headBytesMax = 16

export interface Lent {
  /** Must not be changed, and not be used after `giveBack`. */
  readonly bytes: Buffer
  readonly giveBack: () => void
}

type Recycle = (memory: Buffer) => void

export class RecentPacket {
  readonly file: object
  readonly offset: number
  readonly byteCount: number
  readonly #recycle: Recycle
  #memory: Buffer
  #filled = 0
  #userCount = 0
  /** What the room in front says: the head for this many bytes. */
  #headedBytes = -1
  #isEvicted = false
  /** The packet that came after it. */
  next: RecentPacket | undefined

  constructor(file: object, offset: number, byteCount: number, memory: Buffer, recycle: Recycle) {
    this.file = file
    this.offset = offset
    this.byteCount = byteCount
    this.#memory = memory
    this.#recycle = recycle
  }

  get isWhole(): boolean {
    return this.#filled === this.byteCount
  }

  append(bytes: Buffer, from: number, to: number): void {
    const end = this.#filled + to - from
    if (this.#isEvicted || end > this.byteCount) return
    bytes.copy(this.#memory, headBytesMax + this.#filled, from, to)
    this.#filled = end
  }

  appendZeros(count: number): void {
    const end = this.#filled + count
    if (this.#isEvicted || end > this.byteCount) return
    this.#memory.fill(0, headBytesMax + this.#filled, headBytesMax + end)
    this.#filled = end
  }

  /** Its memory, to be filled by somebody else, and to be told whether it was. */
  claim(): { readonly bytes: Buffer; readonly filled: (isWhole: boolean) => void } {
    this.#userCount++
    return {
      bytes: this.#memory.subarray(headBytesMax, headBytesMax + this.byteCount),
      filled: (isWhole) => {
        if (isWhole) this.#filled = this.byteCount
        this.#giveBack()
      }
    }
  }

  /** Copies its bytes `[from, from + count)`. */
  copy(from: number, count: number, into: Buffer, at: number): void {
    this.#memory.copy(into, at, headBytesMax + from, headBytesMax + from + count)
  }

  /** `head` and the packet's first `count` bytes; undefined while another head is lent. */
  lend(head: Buffer, count: number): Lent | undefined {
    if (this.#headedBytes !== count) {
      if (this.#userCount > 0) return undefined
      head.copy(this.#memory, headBytesMax - head.length)
      this.#headedBytes = count
    }
    this.#userCount++
    return { bytes: this.#memory.subarray(headBytesMax - head.length, headBytesMax + count), giveBack: this.#giveBack }
  }

  readonly #giveBack = (): void => {
    if (--this.#userCount === 0 && this.#isEvicted) this.#recycle(this.#memory)
  }

  /** It is not found any more. */
  evict(): void {
    this.#isEvicted = true
    if (this.#userCount === 0) this.#recycle(this.#memory)
  }
}

export class RecentPackets {
  readonly #bytesMax: number
  readonly #files = new Map<object, Map<number, RecentPacket>>()
  #oldest: RecentPacket | undefined
  #newest: RecentPacket | undefined
  #usedBytes = 0
  /** Memory to use again, by its size: the packets of a channel all have the same. */
  readonly #spare = new Map<number, Array<Buffer>>()
  #spareBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Room for a packet that starts to arrive; undefined when there never is that much. */
  begin(file: object, offset: number, byteCount: number): RecentPacket | undefined {
    if (byteCount === 0 || byteCount > this.#bytesMax) return undefined
    while (this.#oldest !== undefined && this.#usedBytes + byteCount > this.#bytesMax) this.#evict(this.#oldest)
    this.#usedBytes += byteCount
    const packet = new RecentPacket(file, offset, byteCount, this.#memory(headBytesMax + byteCount), this.#recycle)
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

  /** The packet that begins at `offset` of `file`, if all of it is here. Valid until the next `begin`. */
  find(file: object, offset: number): RecentPacket | undefined {
    const packet = this.#files.get(file)?.get(offset)
    return packet?.isWhole === true ? packet : undefined
  }

  #evict(packet: RecentPacket): void {
    this.#usedBytes -= packet.byteCount
    this.#oldest = packet.next
    if (this.#oldest === undefined) this.#newest = undefined
    const offsets = this.#files.get(packet.file)
    if (offsets?.get(packet.offset) === packet) offsets.delete(packet.offset)
    if (offsets?.size === 0) this.#files.delete(packet.file)
    packet.evict()
  }

  #memory(size: number): Buffer {
    const found = this.#spare.get(size)?.pop()
    // What another thread is to send must lie in shared memory.
    if (found === undefined) return size < besideBytesMin ? Buffer.allocUnsafeSlow(size) : allocateShared(size)
    this.#spareBytes -= size
    return found
  }

  /** Spare memory is a quarter of the limit at most; sizes nobody uses any more must not fill it for ever. */
  readonly #recycle: Recycle = (memory) => {
    if (this.#spareBytes + memory.length > Math.max(this.#bytesMax >> 2, memory.length)) {
      this.#spare.clear()
      this.#spareBytes = 0
    }
    const spare = this.#spare.get(memory.length)
    if (spare === undefined) this.#spare.set(memory.length, [memory])
    else spare.push(memory)
    this.#spareBytes += memory.length
  }
}
