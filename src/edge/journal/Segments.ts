/**
 * The files of one journal: records one behind the other, in segments that are named by their first record and freed
 * whole. Written by one fiber; read by another, up to what was written.
 *
 * Growing a file costs several times as much as overwriting it, so a busy journal overwrites the segments that it has
 * freed. Old records that are left in such a file have smaller numbers.
 */
import { dirname } from "node:path"
import { Effect, Result, Semaphore } from "effect"
import { clockMillis, wallMillisOf } from "../../Machine.ts"
import { type FileFailed, type Files, isPrompt, type OpenFile } from "../../storage/Files.ts"
import { isGone } from "../../storage/RoomWait.ts"
import * as About from "./About.ts"
import type { Chunk } from "./Chunks.ts"
import type { Home } from "./Home.ts"
import { date, nameOf, type Segment, segmentOf } from "./Segment.ts"

/** Ends the name of a freed segment that is kept to be overwritten. */
export const spareSuffix = ".spare"
/** Ends the name of a file that is to replace a segment. */
export const draftSuffix = ".new"
/** For all journals together: with more, a file would have left the processor's cache before it is used again. */
const spareCountMax = 32

/** Shared by all journals of a spool. */
export interface Spares {
  count: number
}

interface Spare {
  readonly name: string
  readonly file: OpenFile
  readonly byteCount: number
}

export interface Options {
  readonly files: Files["Service"]
  /** The journal's directory, made with its first segment. */
  readonly home: Home
  readonly about: () => About.About
  /** Batches are synced before they count as written. */
  readonly isSynced: boolean
  /** When a segment is this long, the next one begins. Segments are freed whole, and read whole after a crash. */
  readonly segmentBytes: number
  /** The same while a packet is still without its index, which should be in the same segment. */
  readonly longestBytes: number
  readonly onBytes: (difference: number) => void
  /** Room is short: the newest segment should be freed as well, if the relay has all of it. */
  readonly isTight: () => boolean
  /** Nothing more is added to the segment. False: not possible, something of it is still to be written. */
  readonly leave: (segment: Segment) => boolean
  readonly spares: Spares
  /** There is more than enough room. */
  readonly isRoomy: () => boolean
}

export class Segments {
  readonly #options: Options
  readonly all: Array<Segment> = []

  constructor(options: Options) {
    this.#options = options
  }

  /** An earlier process left so many bytes: they count until the segments are known. */
  expect(byteCount: number): void {
    this.#options.onBytes(byteCount - this.#expectedBytes)
    this.#expectedBytes = byteCount
  }
  #expectedBytes = 0

  /** Takes over a segment of an earlier process, which was checked; they come in order. */
  adopt(segment: Segment): void {
    this.all.push(segment)
    this.#options.onBytes(segment.byteCount)
  }

  get byteCount(): number {
    return this.all.reduce((sum, segment) => sum + segment.byteCount, this.#expectedBytes)
  }

  /** The oldest record that is there; `undefined` before the first. */
  get first(): number | undefined {
    return this.all[0]?.first
  }

  /** The newest segment is long enough: the next one may begin. */
  get isFull(): boolean {
    return (this.all.at(-1)?.byteCount ?? 0) >= this.#options.segmentBytes
  }

  /** The newest segment, if the chunk is to be added to it. */
  #goneOnWith({ isWithin }: Chunk): Segment | undefined {
    const { longestBytes, segmentBytes } = this.#options
    const newest = this.all.at(-1)
    return newest !== undefined && newest.byteCount < (isWithin ? longestBytes : segmentBytes) ? newest : undefined
  }

  /** Decides where the chunk is written. Undefined: a new segment is needed. */
  #place(chunk: Chunk): Segment | undefined {
    const segment = chunk.segment ?? this.#goneOnWith(chunk)
    if (segment !== undefined && chunk.segment === undefined) this.#put(chunk, segment)
    return segment
  }

  #put(chunk: Chunk, segment: Segment): Segment {
    chunk.segment = segment
    chunk.offset = segment.byteCount
    return segment
  }

  /** Writes the chunk in this call, if the device is prompt. False: it did not, nothing counts as written. */
  writeNow(chunk: Chunk): boolean {
    const segment = this.#isRolling || this.#isClosed ? undefined : this.#place(chunk)
    if (segment === undefined || this.#options.isSynced || !isPrompt(segment.file)) return false
    const { bytes, filled, last, written } = chunk
    if (segment.file.writeNow?.(bytes, written, filled, chunk.offset + written) !== filled - written) return false
    this.#grown(segment, filled - written, last)
    return true
  }

  /** Writes the chunk up to `to`, which is where record `last` ends. After a failure it may be called again. */
  write(chunk: Chunk, to: number, last: number): Effect.Effect<void, FileFailed> {
    return this.#turn.withPermits(1)(this.#options.home.stays(() => this.#write(chunk, to, last)))
  }

  /** Held by whoever writes, or begins a new segment so that the newest can be freed. */
  readonly #turn = Semaphore.makeUnsafe(1)
  #isRolling = false

  #write(chunk: Chunk, to: number, last: number): Effect.Effect<void, FileFailed> {
    // Otherwise its directory would be made anew.
    if (this.#isClosed) return Effect.interrupt
    return Effect.gen({ self: this }, function* () {
      const segment = this.#place(chunk) ?? this.#put(chunk, yield* this.#open(chunk.first))
      yield* segment.file.write([chunk.bytes.subarray(chunk.written, to)], chunk.offset + chunk.written)
      if (this.#options.isSynced) yield* segment.file.sync
      this.#grown(segment, to - chunk.written, last)
    })
  }

  #grown(segment: Segment, byteCount: number, last: number): void {
    segment.byteCount += byteCount
    segment.last = last
    segment.wroteAt = clockMillis()
    segment.isAhead = false
    this.#options.onBytes(byteCount)
  }

  #open(first: number): Effect.Effect<Segment, FileFailed> {
    const { about, files, home, isSynced } = this.#options
    const { directory } = home
    return Effect.gen({ self: this }, function* () {
      if (this.all.length === 0) {
        yield* files.makeDirectory(directory)
        yield* About.write(files, directory, about(), isSynced)
        if (first === 1) yield* About.markSent(files, directory, 0, isSynced)
      }
      yield* this.#seal
      const file = (yield* this.#reuse(nameOf(first))) ?? (yield* files.open(this.#path(nameOf(first)), "create"))
      // Its own name, too.
      const names = !isSynced ? [] : this.all.length > 0 ? [directory] : [directory, dirname(directory)]
      const stable = Effect.forEach(names, (name) => files.syncDirectory(name), { discard: true })
      // The next attempt opens it again.
      yield* Effect.onError(stable, () => {
        this.#reused.delete(file)
        return file.close
      })
      const segment = segmentOf(first, file, first - 1)
      this.all.push(segment)
      return segment
    })
  }

  /** To be called before anything of the segment is sent, so that the next process knows what was never sent. */
  markSent({ first }: Segment): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (first <= this.#sentFirst) return Effect.void
      this.#sentFirst = first
      const { files, home, isSynced } = this.#options
      return home.stays((directory) =>
        Effect.catch(About.markSent(files, directory, first, isSynced), () => About.forgetSent(files, directory))
      )
    })
  }
  #sentFirst = 0

  /** `markSent` was called for the segment. */
  isMarked({ first }: Segment): boolean {
    return first <= this.#sentFirst
  }

  /** The path of a file in the directory, under its present name. */
  #path(name: string): string {
    return `${this.#options.home.directory}/${name}`
  }

  /** Replaces the segment's records by those that `copy` writes; `copy` answers where they end. */
  rewrite(
    segment: Segment,
    copy: (into: OpenFile) => Effect.Effect<number, FileFailed>
  ): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const { files, home, isSynced, onBytes } = this.#options
      const to = this.#path(nameOf(segment.first))
      const path = `${to}${draftSuffix}`
      const file = yield* files.open(path, "create")
      const written = Effect.gen(function* () {
        const byteCount = yield* copy(file)
        if (isSynced) yield* file.sync
        yield* files.rename(path, to)
        // If that fails: whichever of the two files a power loss leaves is whole.
        if (isSynced) yield* Effect.ignore(files.syncDirectory(home.directory))
        return byteCount
      })
      const byteCount = yield* Effect.onError(written, () =>
        Effect.andThen(file.close, Effect.ignore(files.unlink(path)))
      )
      const before = segment.file
      onBytes(byteCount - segment.byteCount)
      segment.file = file
      segment.byteCount = byteCount
      segment.isAhead = false
      yield* before.close
    })
  }

  /** Appends a segment's records to the segment before. If that is cut short, readers take a record twice as one. */
  join(
    before: Segment,
    segment: Segment,
    copy: (into: OpenFile, position: number) => Effect.Effect<number, FileFailed>
  ): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      if (before.byteCount + segment.byteCount > this.#options.segmentBytes) return
      const copied = Effect.tap(copy(before.file, before.byteCount), () =>
        this.#options.isSynced ? before.file.sync : Effect.void
      )
      const end = yield* Effect.onError(copied, () => Effect.ignore(before.file.truncate(before.byteCount)))
      this.#options.onBytes(end - before.byteCount - segment.byteCount)
      before.byteCount = end
      before.last = segment.last
      before.wroteAt = segment.wroteAt
      before.isAhead = segment.isAhead
      this.all.splice(this.all.indexOf(segment), 1)
      yield* segment.file.close
      yield* Effect.ignore(this.#options.files.unlink(this.#path(nameOf(segment.first))))
    })
  }

  /** Cuts off old records behind those of the newest segment: whatever is found there later is damage. */
  get #seal(): Effect.Effect<void> {
    const newest = this.all.at(-1)
    if (newest === undefined || !this.#reused.delete(newest.file)) return Effect.void
    return Effect.ignore(newest.file.truncate(newest.byteCount))
  }
  readonly #reused = new Set<OpenFile>()

  #reuse(name: string): Effect.Effect<OpenFile | undefined, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const spare = this.#spare.at(-1)
      if (spare === undefined) return undefined
      this.#spare.pop()
      yield* Effect.tapError(this.#options.files.rename(this.#path(spare.name), this.#path(name)), () =>
        Effect.sync(() => void this.#spare.push(spare))
      )
      this.#options.spares.count--
      this.#options.onBytes(-spare.byteCount)
      this.#reused.add(spare.file)
      return spare.file
    })
  }
  readonly #spare: Array<Spare> = []

  /**
   * Frees segments whose records all are at most `durable`. The newest one stays unless `isOver`, or room is short:
   * then an empty one takes its place, so that tracers need not wait for what the relay has long since.
   */
  free(durable: number, isOver: boolean): Effect.Effect<void> {
    // The fiber that calls this may be interrupted at any time; a segment must not be left half freed.
    return this.#options.home.stays(() => Effect.uninterruptible(this.#free(durable, isOver)))
  }

  #free(durable: number, isOver: boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      while (this.all.length > 0) {
        const [oldest, next] = this.all
        if (oldest === undefined || oldest.last > durable || oldest.isBusy) break
        if (next === undefined && !isOver && !(yield* this.#roll(durable))) break
        // Another one may have freed it meanwhile.
        if (this.all[0] !== oldest) continue
        this.all.shift()
        const isKept = !isOver && this.#options.spares.count < spareCountMax && this.#options.isRoomy()
        yield* isKept ? this.#keep(oldest) : this.#remove({ ...oldest, name: nameOf(oldest.first) })
      }
      if (isOver || !this.#options.isRoomy()) yield* this.#removeSpares
    })
  }

  #keep({ byteCount, file, first }: Segment): Effect.Effect<void> {
    const { files, spares } = this.#options
    spares.count++
    const name = nameOf(first)
    const spare = { byteCount, file, name: `${name}${spareSuffix}` }
    return Effect.match(files.rename(this.#path(name), this.#path(spare.name)), {
      // It keeps its name, and is removed with the other spares.
      onFailure: () => void this.#spare.unshift({ ...spare, name }),
      onSuccess: () => void this.#spare.unshift(spare)
    })
  }

  #remove({ byteCount, file, name }: Spare): Effect.Effect<void> {
    this.#options.onBytes(-byteCount)
    this.#reused.delete(file)
    return Effect.andThen(file.close, Effect.ignore(this.#options.files.unlink(this.#path(name))))
  }

  get #removeSpares(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const all = this.#spare.splice(0)
      this.#options.spares.count -= all.length
      return Effect.forEach(all, (spare) => this.#remove(spare), { discard: true })
    })
  }

  /** Begins an empty segment after the newest. False: the newest has to stay. */
  #roll(durable: number): Effect.Effect<boolean> {
    const work = Effect.gen({ self: this }, function* () {
      const newest = this.all.at(-1)
      if (newest === undefined || newest.last > durable || newest.byteCount === 0) return false
      if (!this.#options.isTight() || !this.#options.leave(newest)) return false
      this.#isRolling = true
      const opened = yield* Effect.result(this.#open(newest.last + 1))
      return Result.isSuccess(opened)
    })
    const rolled = Effect.sync(() => {
      this.#isRolling = false
    })
    return this.#turn.withPermits(1)(Effect.ensuring(work, rolled))
  }

  /** The wall clock was set: gives the files the dates that they would have had, or takes over theirs. */
  get redate(): Effect.Effect<void> {
    const { files, home } = this.#options
    const ofOne = (segment: Segment) =>
      Effect.suspend(() => {
        if (segment.isAhead) return Effect.sync(() => date(segment))
        return files.date?.(this.#path(nameOf(segment.first)), wallMillisOf(segment.wroteAt)) ?? Effect.void
      })
    return home.stays(() =>
      Effect.forEach([...this.all], (segment) => Effect.ignore(ofOne(segment)), { discard: true })
    )
  }

  /**
   * If the failure says that the disk is gone, it may be mounted again: opens the files anew. A file that has less than
   * was written stays as it is, and goes on failing; so does one that is being read, until the next attempt.
   */
  reopenAfter(failure: FileFailed): Effect.Effect<void> {
    if (!isGone(failure)) return Effect.void
    const { files, home } = this.#options
    const reopen = (segment: Segment) =>
      Effect.gen({ self: this }, function* () {
        const path = this.#path(nameOf(segment.first))
        if ((yield* files.size(path)) < segment.byteCount) return
        const file = yield* files.open(path, "continue")
        // Others use the directory meanwhile: it may have been freed.
        const isFree = this.all.includes(segment) && !segment.isBusy && segment.readCount === 0
        const before = segment.file
        if (isFree) segment.file = file
        if (isFree && this.#reused.delete(before)) this.#reused.add(file)
        yield* isFree ? before.close : file.close
      })
    const all = Effect.suspend(() => Effect.forEach([...this.all], reopen, { discard: true }))
    return this.#turn.withPermits(1)(home.stays(() => Effect.uninterruptible(Effect.ignore(all))))
  }

  /** The files stay as they are; nothing is written to them any more. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isClosed = true
      const all = this.all.splice(0)
      this.#options.onBytes(-all.reduce((sum, { byteCount }) => sum + byteCount, 0))
      return Effect.andThen(
        this.#removeSpares,
        Effect.forEach(all, ({ file }) => file.close, { discard: true })
      )
    })
  }
  #isClosed = false
}
