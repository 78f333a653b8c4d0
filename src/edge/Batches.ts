/**
 * Records on their way to a segment: appended one behind the other, taken as a batch that is one write. Plain code.
 *
 * The memory of all journals of an edge is one number (`Budget`): who finds it spent stops reading its tracer.
 */
import { crc32 } from "node:zlib"
import { headBytes, seal } from "../protocol/journal/Record.ts"

/** Bytes of records that are in no file yet, over all journals. */
export interface Budget {
  unwrittenBytes: number
}

/** What one write of a busy journal is. */
const batchBytes = 512 * 1024
/** Batches kept for reuse, over all journals. */
const spareCountMax = 16
const spares: Array<Buffer> = []

export interface Batch {
  readonly bytes: Buffer
  byteCount: number
  readonly first: number
  last: number
}

export interface Part {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
}

const nothing: Part = { bytes: Buffer.alloc(0), from: 0, to: 0 }

export class Batches {
  readonly #budget: Budget
  readonly #waiting: Array<Batch> = []

  constructor(budget: Budget) {
    this.#budget = budget
  }

  /** The payload is `one`, then `two`; both may change after the call. */
  append(number: number, kind: number, connection: number, one: Part = nothing, two: Part = nothing): void {
    const byteCount = one.to - one.from + two.to - two.from
    const size = headBytes + byteCount
    const batch = this.#withRoom(size, number)
    const at = batch.byteCount
    one.bytes.copy(batch.bytes, at + headBytes, one.from, one.to)
    two.bytes.copy(batch.bytes, at + headBytes + one.to - one.from, two.from, two.to)
    seal(batch.bytes, at, { number, byteCount, kind, connection }, crc32)
    batch.byteCount += size
    batch.last = number
    this.#budget.unwrittenBytes += size
  }

  #withRoom(size: number, number: number): Batch {
    const newest = this.#waiting.at(-1)
    if (newest !== undefined && newest.byteCount + size <= newest.bytes.length) return newest
    const bytes =
      size > batchBytes ? Buffer.allocUnsafeSlow(size) : (spares.pop() ?? Buffer.allocUnsafeSlow(batchBytes))
    const batch = { bytes, byteCount: 0, first: number, last: number }
    this.#waiting.push(batch)
    return batch
  }

  /** The oldest; nothing is added to it any more. */
  take(): Batch | undefined {
    return this.#waiting.shift()
  }

  /** It is in a file. */
  written({ bytes, byteCount }: Batch): void {
    this.#budget.unwrittenBytes -= byteCount
    if (bytes.length === batchBytes && spares.length < spareCountMax) spares.push(bytes)
  }
}
