/**
 * The memory of an edge: chunks that journals append records to, that are written from, and sent from. They are used
 * again, and counted over all journals, so that what an edge takes does not depend on what it keeps.
 */
import { allocate } from "./Checksums.ts"
import type { Segment } from "./Segment.ts"

/** Of a journal in which little happens, and of a busy one: more than one read of a tracer. */
const smallBytes = 64 * 1024
const largeBytes = 536 * 1024

/** Kept for reuse. */
const spareSmallMax = 64
const spareLargeMax = 16

/** What is written already is kept for sending while all chunks together are no more than this. */
const keptBytesMax = 8 * 1024 * 1024

/** Records that wait for a disk: more is left in the sockets. */
const unwrittenBytesMax = 8 * 1024 * 1024

/** Records one behind the other: up to `written` they are in the segment, at `offset`; up to `taken` on their way. */
export class Chunk {
  readonly bytes: Buffer
  /** Its memory is that of the process for good. */
  readonly isLasting: boolean
  filled = 0
  written = 0
  taken = 0
  segment: Segment | undefined
  offset = 0
  /** Numbers of its first record, of the last, and of the last that is in the file. */
  first = 0
  last = 0
  lastWritten = 0
  /** It begins with what belongs to the chunk before: both are in one segment, if that does not become too long. */
  isWithin = false
  /** Lent to who sends it. */
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
  /** In no file yet. */
  unwrittenBytes = 0
  /** In the hands of journals. */
  usedBytes = 0
  readonly #small: Array<Chunk> = []
  readonly #large: Array<Chunk> = []
  /** One that is larger: who makes room asks for it again and again. */
  #huge: Chunk | undefined

  get hasRoom(): boolean {
    return this.unwrittenBytes < unwrittenBytesMax
  }

  /** What is little need not be written yet. */
  get mayGather(): boolean {
    return this.unwrittenBytes < unwrittenBytesMax / 2
  }

  /** What is written may stay until it is sent. */
  get mayKeep(): boolean {
    return this.usedBytes < keptBytesMax
  }

  /** With a little more it may not. */
  get isScarce(): boolean {
    return this.usedBytes > keptBytesMax * 0.6
  }

  /** For `byteCount` bytes at least; where more is to be expected, for many more. */
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
