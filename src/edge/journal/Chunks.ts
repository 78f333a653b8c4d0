/**
 * The memory of an edge: chunks that journals append records to, that are written from, and sent from. They are used
 * again, and counted over all journals, so that what an edge takes does not depend on what it keeps.
 */
import { allocate } from "./Checksums.ts"
import type { Segment } from "./Segment.ts"

/** Chunks of a quiet journal, and of a busy one: those hold more than one read from a tracer. */
const smallBytes = 64 * 1024
const largeBytes = 536 * 1024

/** So many unused chunks of each size are kept for reuse. */
const spareSmallMax = 64
const spareLargeMax = 16

/** What is written already is kept for sending while all chunks together are no more than this. */
const keptBytesMax = 8 * 1024 * 1024

/** So much may wait for the disk; the rest stays in the sockets. */
const unwrittenBytesMax = 8 * 1024 * 1024

/**
 * Records one behind the other. Up to `written` they are in the segment, from its `offset` on; up to `taken` a reader
 * has them.
 */
export class Chunk {
  readonly bytes: Buffer
  /** Its memory is never given back to the system, so the chunk is always kept for reuse. */
  readonly isLasting: boolean
  filled = 0
  written = 0
  taken = 0
  segment: Segment | undefined
  offset = 0
  /** Record numbers: its first, its last, and the last that is in the file. */
  first = 0
  last = 0
  lastWritten = 0
  /** It begins in the middle of something: it goes to the same segment as the chunk before, if that is not too long. */
  isWithin = false
  /** How many readers have it now. */
  lentCount = 0

  constructor(byteCount: number) {
    const lasting = byteCount > largeBytes ? undefined : allocate(byteCount)
    this.bytes = lasting ?? Buffer.allocUnsafeSlow(byteCount)
    this.isLasting = lasting !== undefined
  }

  /** As new. */
  begin(first: number, isWithin = false): void {
    this.filled = 0
    this.written = 0
    this.taken = 0
    this.segment = undefined
    this.offset = 0
    this.first = first
    this.last = first
    this.lastWritten = first - 1
    this.isWithin = isWithin
    this.lentCount = 0
  }
}

export class Chunks {
  /** In all chunks, not yet in a file. */
  unwrittenBytes = 0
  /** Size of all chunks that journals have. */
  usedBytes = 0
  readonly #small: Array<Chunk> = []
  readonly #large: Array<Chunk> = []
  /** One larger chunk: thinning a spool asks for it again and again. */
  #huge: Chunk | undefined

  get hasRoom(): boolean {
    return this.unwrittenBytes < unwrittenBytesMax
  }

  /** Small amounts may wait for company before they are written. */
  get mayGather(): boolean {
    return this.unwrittenBytes < unwrittenBytesMax / 2
  }

  /** Written records may stay in memory until they are sent. */
  get mayKeep(): boolean {
    return this.usedBytes < keptBytesMax
  }

  /** Soon there will be no room for them to stay. */
  get isScarce(): boolean {
    return this.usedBytes > keptBytesMax * 0.6
  }

  /** A chunk for at least `byteCount` bytes; a large one if more is to be expected. */
  take(byteCount: number, isBusy: boolean): Chunk {
    const wanted = isBusy || byteCount > smallBytes ? largeBytes : smallBytes
    const spare = wanted === smallBytes ? this.#small : this.#large
    const chunk = byteCount > largeBytes ? this.#takeHuge(byteCount) : (spare.pop() ?? new Chunk(wanted))
    this.usedBytes += chunk.bytes.length
    return chunk
  }

  #takeHuge(byteCount: number): Chunk {
    const chunk = this.#huge
    if (chunk === undefined || chunk.bytes.length < byteCount) return new Chunk(byteCount)
    this.#huge = undefined
    return chunk
  }

  giveBack(chunk: Chunk): void {
    const { length } = chunk.bytes
    this.usedBytes -= length
    const [spare, countMax] = length === smallBytes ? [this.#small, spareSmallMax] : [this.#large, spareLargeMax]
    if (length > largeBytes) this.#huge = chunk
    else if (chunk.isLasting || spare.length < countMax) spare.push(chunk)
  }
}
