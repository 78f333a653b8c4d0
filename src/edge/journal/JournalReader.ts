/**
 * Reads a journal from a record on, as it grows: whole records, as many as one read brings. Where the reader keeps up
 * they are lent from memory; otherwise they come from the segments, each of them checked.
 */
import { Effect, Schema } from "effect"
import { headBytes, isHead, isWhole, Kind, offsets, seal } from "../../protocol/journal/Record.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed } from "../../storage/Files.ts"
import { checksums } from "./Checksums.ts"
import type { Chunk } from "./Chunks.ts"
import type { Lost } from "./History.ts"
import type { Journal } from "./Journal.ts"
import { nameOf, reading, type Segment } from "./Segment.ts"
import type { Altered } from "./Unhandled.ts"

/** A record in a file is not what was written there. */
export class RecordDamaged extends Schema.TaggedError<RecordDamaged>()("RecordDamaged", {
  path: Schema.String,
  offset: Schema.Int
}) {
  override get message(): string {
    return `${this.path}: record at ${this.offset} is damaged`
  }
}

/** `bytes[from, to)` are whole records, lent until `release`. */
export interface Read {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  /** The number of the last of them. */
  readonly last: number
  readonly release: () => void
}

export class JournalReader {
  readonly #journal: Journal
  readonly #begin: number
  readonly #withdrawn = new Set<Lost>()
  #next: number
  #segment: Segment | undefined
  #offset = 0
  /** Number of the record before `#offset`. */
  #passed = 0

  constructor(journal: Journal, next: number) {
    this.#journal = journal
    this.#next = next
    this.#begin = next
    journal.unsentBytes = () => this.#unreadBytes
  }

  get #unreadBytes(): number {
    let byteCount = -this.#offset
    const first = this.#segment?.first ?? 0
    for (const segment of this.#journal.segments.all) if (segment.first >= first) byteCount += segment.byteCount
    return byteCount
  }

  /** Waits until there is something. */
  get read(): Effect.Effect<Read, FileFailed | RecordDamaged> {
    // Not interrupted in between: what is lent reaches the caller, who gives it back.
    return Effect.uninterruptible(
      Effect.gen({ self: this }, function* () {
        while (true) {
          const found = yield* this.#some
          if (found !== undefined) return found
          yield* Effect.interruptible(this.grown)
        }
      })
    )
  }

  /** What comes next, if it is in memory. */
  lend(): Read | undefined {
    if (!this.#journal.thinned.isOpen()) return undefined
    const segment = this.#place()
    if (segment === undefined || this.#offset === segment.byteCount) return undefined
    return this.#journal.segments.isMarked(segment) ? this.#lent(segment) : undefined
  }

  /** The caller has all that is written. */
  get isAtEnd(): boolean {
    return this.#next > this.#journal.written
  }

  /** Waits until there is something that the caller does not have. */
  get grown(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#journal.tail.isFollowed = this.#isExact
      return this.#journal.writing.beyond(this.#next - 1)
    })
  }

  /** The same for a plain call: `then` is called once, in the call that writes it. Answers how to forget it. */
  whenGrown(then: () => void): () => void {
    this.#journal.tail.isFollowed = this.#isExact
    this.#journal.writing.growth.when(then)
    return () => this.#journal.writing.growth.forget(then)
  }

  /** The caller reads no more. */
  get close(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#journal.unsentBytes = () => 0
      this.#journal.tail.unfollow()
    })
  }

  /** Undefined: there is nothing yet. */
  get #some(): Effect.Effect<Read | undefined, FileFailed | RecordDamaged> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        yield* this.#journal.thinned.await
        const segment = this.#place()
        if (segment === undefined || this.#offset === segment.byteCount) return undefined
        yield* this.#journal.segments.markSent(segment)
        const read = this.#lent(segment) ?? (yield* this.#readIn(segment))
        if (read !== undefined) return read
      }
    })
  }

  /** Where the next record lies, or will lie. */
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
      this.#passed = following.first - 1
      this.#handed()
    }
    return this.#segment
  }

  /** The caller has all before `#offset`, or does not want it. */
  get #isExact(): boolean {
    return this.#passed >= this.#next - 1
  }

  #lent(segment: Segment): Read | undefined {
    const { tail } = this.#journal
    const chunk = this.#isExact ? tail.lend(segment, this.#offset) : undefined
    if (chunk === undefined) return undefined
    tail.isFollowed = true
    const from = this.#offset - chunk.offset
    this.#offset = chunk.offset + chunk.written
    this.#passed = chunk.lastWritten
    this.#next = chunk.lastWritten + 1
    this.#handed()
    const release = () => tail.release(chunk)
    return { bytes: chunk.bytes, from, to: chunk.written, last: chunk.lastWritten, release }
  }

  /** From now on the segment counts as sent: it is not thinned any more. */
  #handed(): void {
    this.#journal.handed = Math.max(this.#journal.handed, this.#next - 1, this.#segment?.last ?? 0)
    this.#journal.advanced()
  }

  #readIn(
    segment: Segment,
    size = this.#journal.readBytes
  ): Effect.Effect<Read | undefined, FileFailed | RecordDamaged> {
    return Effect.suspend(() => {
      const { memory, tail } = this.#journal
      tail.unfollow()
      const chunk = memory.take(size, false)
      const release = () => memory.giveBack(chunk)
      const give = (read: Pick<Read, "from" | "to"> | number) => {
        if (typeof read === "object" && read.from < read.to) {
          return Effect.succeed({ bytes: chunk.bytes, ...read, last: this.#next - 1, release })
        }
        release()
        return typeof read === "object" ? Effect.succeed(undefined) : this.#readIn(segment, read)
      }
      return Effect.flatMap(
        Effect.onError(this.#fill(segment, chunk), () => Effect.sync(release)),
        give
      )
    })
  }

  /** Stands for a lost part of a packet whose beginning the relay has: the relay is to give the packet up. */
  #withdraw(lost: Lost, bytes: Buffer, at: number, size: number): Pick<Read, "from" | "to"> {
    const number = u64At(bytes, at)
    this.#withdrawn.add(lost)
    seal(bytes, at, { number, byteCount: 0, kind: Kind.withdrawn, connection: lost.connection }, checksums)
    this.#next = number + 1
    this.#offset += at + size
    this.#handed()
    return { from: at, to: at + headBytes }
  }

  /** The relay has not had the record, or not as it was. */
  #isMissing(cause = Number.POSITIVE_INFINITY): boolean {
    return cause >= this.#begin || this.#journal.damage.unsent.has(cause)
  }

  /** Stands for a record that is not sent as it is. */
  #alter({ alter }: Altered, bytes: Buffer, at: number, size: number): Pick<Read, "from" | "to"> {
    const number = u64At(bytes, at)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    const to = alter(bytes, at + headBytes, at + size)
    seal(bytes, at, { number, byteCount: to - at - headBytes, kind, connection }, checksums)
    this.#next = number + 1
    this.#offset += at + size
    this.#handed()
    return { from: at, to }
  }

  /** Answers which part of the chunk are wanted records, or how long the first of them is if the chunk is too short. */
  #fill(
    segment: Segment,
    { bytes: all }: Chunk
  ): Effect.Effect<Pick<Read, "from" | "to"> | number, FileFailed | RecordDamaged> {
    return Effect.gen({ self: this }, function* () {
      const bytes = all.subarray(0, segment.byteCount - this.#offset)
      const count = yield* reading(segment, (file) => file.read(bytes, this.#offset))
      const path = `${this.#journal.home.directory}/${nameOf(segment.first)}`
      const damaged = (at: number) => new RecordDamaged({ path, offset: this.#offset + at })
      const { altered, examined, skipped } = this.#journal.damage
      let from = 0
      let at = 0
      while (at + headBytes <= count) {
        if (!isHead(bytes, at, checksums)) {
          if (from < at) break
          // Damage between good records: passed over if it is in the log already.
          if (this.#passed >= examined) return yield* damaged(at)
          from = ++at
          continue
        }
        const size = headBytes + bytes.readUInt32BE(at + offsets.byteCount)
        if (at + size > count) {
          if (at > 0) break
          if (count < all.length) return yield* damaged(at)
          return size
        }
        const number = u64At(bytes, at)
        const known = number < this.#next ? undefined : skipped.get(number)
        const lost = this.#isMissing(known?.cause) ? known : undefined
        const isWanted = number >= this.#next && lost === undefined
        const other = isWanted ? altered.get(number) : undefined
        const alter = this.#isMissing(other?.cause) ? other : undefined
        if (alter !== undefined || lost !== undefined) this.#journal.damage.unsent.add(number)
        if (isWanted && !skipped.has(number) && !isWhole(bytes, at, checksums)) return yield* damaged(at)
        // What is given is in one piece.
        if ((!isWanted || alter !== undefined) && from < at) break
        this.#passed = number
        if (alter !== undefined) return this.#alter(alter, bytes, at, size)
        if (lost !== undefined && lost.first < this.#begin && !this.#withdrawn.has(lost)) {
          return this.#withdraw(lost, bytes, at, size)
        }
        at += size
        if (isWanted || lost !== undefined) this.#next = number + 1
        if (!isWanted) from = at
      }
      if (at === 0 || (at + headBytes > count && from === at && count < headBytes)) return yield* damaged(0)
      this.#offset += at
      this.#handed()
      return { from, to: at }
    })
  }
}
