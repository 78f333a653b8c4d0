/**
 * Where the reads of connections land.
 *
 * All connections share one buffer: a read fills it and its receiver is called in the same turn, so no two of them use
 * it at once, and idle connections own no memory. What must outlive the turn is copied out of it.
 *
 * Large parts of packets are too expensive to copy only to wait until the next turn. To keep one where it is, ask
 * `hold`: from the next read on the connection has a _slab_ of its own, where what is held stays until it is released.
 * While something in it is held, the next read lands in another slab. When all slabs are lent, the shared buffer
 * serves.
 */
import { allocateShared, type Piece } from "./Piece.ts"

/**
 * The most that one read brings. Larger reads save system calls, smaller ones stay in the processor's cache. Packets
 * are powers of two behind a header: the 4 KiB beyond 512 KiB save a second read for the rest of each.
 */
export const sharedBytes = 516 * 1024

/** The most that one read into a slab brings; as a rule it is written from there (`relay/stream/WriteLog`). */
export const slabBytes = 256 * 1024

/** Slabs for all connections: together 16 MiB. Untouched slabs take no memory. */
const slabCountMax = 64

/**
 * A slab is given back after so many reads of which nothing was held: several, since large packets end in small reads.
 */
const idleReadCountMax = 8

class Slab {
  readonly bytes: Buffer
  /** True while a connection reads into it. */
  isLent = false
  /** Number of its parts that are held: the slab is spare again when there are none and nobody reads into it. */
  heldCount = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}

/** Slabs of one size, made when first needed, and used again. */
export class Slabs {
  readonly #countMax: number
  /** The memory of which all slabs are parts. */
  #memory: Buffer | undefined
  #madeCount = 0
  readonly #spare: Array<Slab> = []

  constructor(countMax: number = slabCountMax) {
    this.#countMax = countMax
  }

  /** Number of slabs that are lent or held. */
  get usedCount(): number {
    return this.#madeCount - this.#spare.length
  }

  lend(): Slab | undefined {
    const slab = this.#spare.pop() ?? this.#make()
    if (slab !== undefined) slab.isLent = true
    return slab
  }

  takeBack(slab: Slab): void {
    slab.isLent = false
    this.#settle(slab)
  }

  released(slab: Slab): void {
    slab.heldCount--
    this.#settle(slab)
  }

  #settle(slab: Slab): void {
    if (!slab.isLent && slab.heldCount === 0) this.#spare.push(slab)
  }

  #make(): Slab | undefined {
    if (this.#madeCount === this.#countMax) return undefined
    this.#memory ??= allocateShared(this.#countMax * slabBytes)
    if (this.#memory === undefined) return undefined
    const from = this.#madeCount++ * slabBytes
    return new Slab(this.#memory.subarray(from, from + slabBytes))
  }
}

/** What held bytes are charged to. */
export interface Holder {
  readonly released: (byteCount: number) => void
}

/** A part of a slab, valid until it is released, which must happen once. */
class Held implements Piece {
  readonly #slabs: Slabs
  readonly #holder: Holder
  readonly #byteCount: number
  #slab: Slab | undefined
  readonly bytes: Buffer
  from: number
  to: number

  constructor(slabs: Slabs, slab: Slab, from: number, to: number, holder: Holder) {
    this.#slabs = slabs
    this.#slab = slab
    this.#holder = holder
    this.#byteCount = to - from
    this.bytes = slab.bytes
    this.from = from
    this.to = to
    slab.heldCount++
  }

  release(): void {
    if (this.#slab === undefined) throw new Error("part of a slab released twice")
    this.#slabs.released(this.#slab)
    this.#slab = undefined
    this.#holder.released(this.#byteCount)
  }
}

const shared = Buffer.allocUnsafeSlow(sharedBytes)

/** All slabs of this process. */
const processSlabs = new Slabs()

/** Where the reads of one connection land. */
export class Landing {
  readonly #slabs: Slabs
  /** The connection's own slab, while it has one. */
  #slab: Slab | undefined
  /** True if `hold` was asked for a part of the read that is being received. */
  #isWanted = false
  /** Number of reads since something was held last. */
  #idleReadCount = 0

  constructor(slabs: Slabs = processSlabs) {
    this.#slabs = slabs
  }

  /** Whether the next read lands in a slab, where no other connection's does. */
  get isOwn(): boolean {
    return this.#slab !== undefined
  }

  /** The memory of the next read; valid until `received`, unless held. */
  get bytes(): Buffer {
    return this.#slab?.bytes ?? shared
  }

  /** Holds `bytes[from, to)` of the read that is being received; undefined: they must be copied. */
  hold(bytes: Buffer, from: number, to: number, holder: Holder): Piece | undefined {
    this.#isWanted = true
    return this.#slab?.bytes === bytes ? new Held(this.#slabs, this.#slab, from, to, holder) : undefined
  }

  /** To be called when a read has been received: decides where the next one lands. */
  received(): void {
    if (this.#isWanted) {
      this.#isWanted = false
      this.#idleReadCount = 0
      if (this.#slab === undefined || this.#slab.heldCount > 0) this.#exchange(this.#slabs.lend())
    } else if (this.#slab !== undefined && (this.#slab.heldCount > 0 || ++this.#idleReadCount === idleReadCountMax)) {
      this.#exchange(undefined)
    }
  }

  /** Gives the slab back: there will be no more reads. */
  close(): void {
    this.#exchange(undefined)
  }

  #exchange(slab: Slab | undefined): void {
    if (this.#slab !== undefined) this.#slabs.takeBack(this.#slab)
    this.#slab = slab
  }
}
