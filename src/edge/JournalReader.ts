/** Reads a journal from a record on, as it grows: whole records, as many as one read brings, each of them checked. */
import { crc32 } from "node:zlib"
import { Effect, Schema } from "effect"
import { headBytes, isHead, isWhole, offsets } from "../protocol/journal/Record.ts"
import { u64At } from "../protocol/Struct.ts"
import type { FileFailed } from "../storage/Files.ts"
import type { Journal } from "./Journal.ts"
import type { Segment } from "./Segments.ts"

/** A record is not what was written. */
export class RecordDamaged extends Schema.TaggedError<RecordDamaged>()("RecordDamaged", {
  path: Schema.String,
  offset: Schema.Int
}) {
  override get message(): string {
    return `${this.path}: record at ${this.offset} is damaged`
  }
}

/** `bytes[from, to)` are whole records, the reader's no more. */
export interface Read {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  /** The number of the last of them. */
  readonly last: number
}

const readBytes = 256 * 1024

export class JournalReader {
  readonly #journal: Journal
  #next: number
  #segment: Segment | undefined
  #offset = 0

  constructor(journal: Journal, next: number) {
    this.#journal = journal
    this.#next = next
  }

  /** Waits until there is something. */
  get read(): Effect.Effect<Read, FileFailed | RecordDamaged> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const found = yield* this.#some
        if (found !== undefined) return found
        yield* this.#journal.beyond(this.#next - 1)
      }
    })
  }

  /** Undefined: there is nothing yet. */
  get #some(): Effect.Effect<Read | undefined, FileFailed | RecordDamaged> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const segment = this.#place()
        if (segment === undefined || this.#offset === segment.byteCount) return undefined
        const read = yield* this.#readIn(segment, readBytes)
        if (read.from < read.to) return read
      }
    })
  }

  /** Where the next record lies, or will. */
  #place(): Segment | undefined {
    const { all } = this.#journal.segments
    if (this.#segment !== undefined && this.#offset < this.#segment.byteCount) return this.#segment
    const following =
      this.#segment === undefined
        ? all.findLast(({ first }) => first <= this.#next)
        : all.find(({ first }) => first > (this.#segment as Segment).first)
    if (following !== undefined) {
      this.#segment = following
      this.#offset = 0
    }
    return this.#segment
  }

  #readIn(segment: Segment, byteCount: number): Effect.Effect<Read, FileFailed | RecordDamaged> {
    return Effect.gen({ self: this }, function* () {
      const bytes = Buffer.allocUnsafeSlow(Math.min(byteCount, segment.byteCount - this.#offset))
      const count = yield* segment.file.read(bytes, this.#offset)
      const damaged = (at: number) => new RecordDamaged({ path: segment.path, offset: this.#offset + at })
      const { skipped } = this.#journal
      let from = 0
      let at = 0
      while (at + headBytes <= count) {
        if (!isHead(bytes, at, crc32)) {
          // Between records that are good; the scan after a crash has named it.
          if (from < at) break
          from = ++at
          continue
        }
        const size = headBytes + bytes.readUInt32BE(at + offsets.byteCount)
        if (at + size > count) {
          if (at > 0) break
          if (count < bytes.length) return yield* damaged(at)
          return yield* this.#readIn(segment, size)
        }
        const number = u64At(bytes, at)
        const isWanted = number >= this.#next && !skipped.has(number)
        if (isWanted && !isWhole(bytes, at, crc32)) return yield* damaged(at)
        // What is given is in one piece.
        if (!isWanted && from < at) break
        at += size
        if (isWanted) this.#next = number + 1
        else from = at
      }
      if (at === 0 || (at + headBytes > count && from === at && count < headBytes)) return yield* damaged(0)
      this.#offset += at
      return { bytes, from, to: at, last: this.#next - 1 }
    })
  }
}
