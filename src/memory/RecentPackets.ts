/**
 * The newest packets of all sessions that somebody watches, filled while they arrive or are read, so that viewers need
 * no disk for them.
 *
 * They lie one behind the other in one ring of memory, which is all they ever take: a packet that begins evicts those
 * in its way. Packets of several streams arrive mixed, so one may be evicted before it is whole: the rest of it is then
 * ignored. Whole packets are lent to sockets as they lie here, behind room for a reply's head: a hundred viewers send
 * the same bytes. What is lent stays where it is; if nothing else is left, nothing begins.
 *
 * A packet is known by its data file, compared by identity, and its offset there.
 */
import { allocateShared } from "./Piece.ts"

/** Most bytes that a reply may put in front of a packet. */
export const headBytesMax = 16

/** Places begin and end at multiples of this: of the smallest packets, 4 KiB and room for a head, little is lost. */
const unitBytesMin = 512
/** A ring of 4 GiB in units of a page: clearing a place in a larger one would take longer than a packet may. */
const unitCountMax = 1 << 20
const unitBytesMax = 4096

const unitBytesFor = (bytesMax: number): number =>
  Math.min(Math.max(unitBytesMin, 2 ** Math.ceil(Math.log2(bytesMax / unitCountMax))), unitBytesMax)

/** A packet, or a part of it, on its way to a socket. */
export interface Lent {
  /** To be sent before `bytes`; undefined: `bytes` begin with it. */
  readonly head: Buffer | undefined
  /** Must not be changed, and not be used after `giveBack`, which is called once. */
  readonly bytes: Buffer
  readonly giveBack: () => void
}

/** The packets of one data file, by their offsets in it. */
type Offsets = Map<number, RecentPacket>

export class RecentPacket {
  readonly offset: number
  readonly byteCount: number
  /** Length of its place, in units of the ring. */
  readonly unitCount: number
  readonly #offsets: Offsets
  readonly #ring: Buffer
  /** Byte offset of its first byte in the ring. */
  readonly #at: number
  #filled = 0
  #userCount = 0
  /** The room in front holds a reply's head that announces so many bytes; −1: none yet. */
  #headedBytes = -1
  #isEvicted = false

  /** `place` is the packet's place in `ring`, which begins with room for a reply's head. */
  constructor(offsets: Offsets, offset: number, byteCount: number, ring: Buffer, place: Place) {
    this.offset = offset
    this.byteCount = byteCount
    this.unitCount = place.unitCount
    this.#offsets = offsets
    this.#ring = ring
    this.#at = place.at + headBytesMax
    offsets.set(offset, this)
  }

  get isWhole(): boolean {
    return this.#filled === this.byteCount
  }

  /** Whether somebody sends or fills it: then it cannot be evicted. */
  get isInUse(): boolean {
    return this.#userCount > 0
  }

  append(bytes: Buffer, from: number, to: number): void {
    const end = this.#filled + to - from
    if (this.#isEvicted || end > this.byteCount) return
    bytes.copy(this.#ring, this.#at + this.#filled, from, to)
    this.#filled = end
  }

  appendZeros(count: number): void {
    const end = this.#filled + count
    if (this.#isEvicted || end > this.byteCount) return
    this.#ring.fill(0, this.#at + this.#filled, this.#at + end)
    this.#filled = end
  }

  /** A copy of its first `count` bytes, if it has as many. */
  beginning(count: number): Buffer {
    return Buffer.from(this.#range(0, Math.min(count, this.byteCount)))
  }

  /** Lends the packet's memory to be filled; `filled` is to be called with whether it was. */
  claim(): { readonly bytes: Buffer; readonly filled: (isWhole: boolean) => void } {
    this.#userCount++
    return {
      bytes: this.#range(0, this.byteCount),
      filled: (isWhole) => {
        if (isWhole) this.#filled = this.byteCount
        this.#giveBack()
      }
    }
  }

  /** Lends `head` and the packet's bytes `[from, from + count)`; in one piece if the head can lie in front of them. */
  lend(head: Buffer, from: number, count: number): Lent {
    const isHeaded = from === 0 && this.#takesHead(head, count)
    this.#userCount++
    return {
      head: isHeaded ? undefined : head,
      bytes: isHeaded ? this.#range(-head.length, count) : this.#range(from, from + count),
      giveBack: this.#giveBack
    }
  }

  /** Puts the head in front of the packet; false: another is there and may be on its way to a socket. */
  #takesHead(head: Buffer, count: number): boolean {
    if (this.#headedBytes === count) return true
    if (this.#userCount > 0) return false
    head.copy(this.#ring, this.#at - head.length)
    this.#headedBytes = count
    return true
  }

  #range(from: number, to: number): Buffer {
    return this.#ring.subarray(this.#at + from, this.#at + to)
  }

  readonly #giveBack = (): void => {
    this.#userCount--
  }

  /** Makes the packet impossible to find; what arrives of it is ignored. */
  evict(): void {
    this.#isEvicted = true
    if (this.#offsets.get(this.offset) === this) this.#offsets.delete(this.offset)
  }
}

interface Place {
  /** Byte offset in the ring. */
  readonly at: number
  readonly unitCount: number
}

/** A ring. A relay has two: of the packets that arrived last, and of those that were read from files last. */
export class RecentPackets {
  readonly #unitBytes: number
  #unitCount: number
  /** Allocated when first needed. */
  #ring: Buffer | undefined
  /** Packets at the index of their place's first unit. */
  #packets: Array<RecentPacket | undefined> = []
  /** The unit behind the packet that began last. */
  #next = 0
  /** Packets by file. Weak, so that files of sessions that are gone are not kept alive by packets. */
  readonly #files = new WeakMap<object, Offsets>()

  constructor(bytesMax: number, unitBytes: number = unitBytesFor(bytesMax)) {
    this.#unitBytes = unitBytes
    this.#unitCount = Math.min(Math.floor(bytesMax / unitBytes), unitCountMax)
  }

  /** A place for a packet that starts to arrive; undefined when there is none. */
  begin(file: object, offset: number, byteCount: number): RecentPacket | undefined {
    const unitCount = Math.ceil((headBytesMax + byteCount) / this.#unitBytes)
    if (byteCount === 0 || unitCount > this.#unitCount) return undefined
    if (this.#ring === undefined) this.#allocate()
    const from = this.#clear(unitCount)
    if (from === undefined || this.#ring === undefined) return undefined
    const place = { at: from * this.#unitBytes, unitCount }
    const packet = new RecentPacket(this.#offsetsOf(file), offset, byteCount, this.#ring, place)
    this.#packets[from] = packet
    this.#next = from + unitCount
    return packet
  }

  #allocate(): void {
    this.#ring = allocateShared(this.#unitCount * this.#unitBytes)
    // There is not that much memory, and it is not to be asked for again with every packet.
    if (this.#ring === undefined) this.#unitCount = 0
    this.#packets = new Array(this.#unitCount).fill(undefined)
  }

  /** The packet that begins at `offset` of `file`, if all of it is here. Valid until the next `begin`. */
  find(file: object, offset: number): RecentPacket | undefined {
    const packet = this.#files.get(file)?.get(offset)
    return packet?.isWhole === true ? packet : undefined
  }

  /** Finds the first unit of the next place, behind the last one or what is in use there; evicts what is in its way. */
  #clear(unitCount: number): number | undefined {
    let hasWrapped = false
    let from = this.#next
    let at = from
    while (true) {
      if (from + unitCount > this.#unitCount) {
        if (hasWrapped) return undefined
        hasWrapped = true
        from = 0
        at = 0
      }
      if (at >= from + unitCount) return from
      const packet = this.#packets[at]
      if (packet === undefined) at++
      else {
        const isInUse = packet.isInUse
        if (!isInUse) {
          packet.evict()
          this.#packets[at] = undefined
        }
        at += packet.unitCount
        if (isInUse) from = at
      }
    }
  }

  #offsetsOf(file: object): Offsets {
    const known = this.#files.get(file)
    if (known !== undefined) return known
    const offsets: Offsets = new Map()
    this.#files.set(file, offsets)
    return offsets
  }
}
