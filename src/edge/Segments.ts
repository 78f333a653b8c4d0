/**
 * The files of one journal: records one behind the other, in segments that are named by their first record and freed
 * whole. Written by one fiber; read by another, up to what was written.
 */
import { Effect, Result, Semaphore } from "effect"
import type { FileFailed, Files, OpenFile } from "../storage/Files.ts"
import * as About from "./About.ts"
import type { Batch } from "./Batches.ts"

/** Freed at once, read at once after a crash. */
const segmentBytes = 16 * 1024 * 1024

const suffix = ".journal"
/** As long as the largest number that is exact: names are in order. */
const nameOf = (first: number) => `${String(first).padStart(16, "0")}${suffix}`

/** The number of its first record; undefined: it is no segment. */
export const firstOf = (name: string): number | undefined =>
  /^\d{16}\.journal$/.test(name) ? Number(name.slice(0, 16)) : undefined

export interface Segment {
  readonly first: number
  readonly path: string
  readonly file: OpenFile
  byteCount: number
  /** The last record in it. */
  last: number
}

export interface Options {
  readonly files: Files["Service"]
  /** Of the journal, made with its first segment. */
  readonly directory: string
  readonly about: About.About
  /** Batches are synced before they count as written. */
  readonly isSynced: boolean
  readonly onBytes: (difference: number) => void
  /** The spool needs what can be had of the newest segment, too. */
  readonly isTight: () => boolean
}

export class Segments {
  readonly #options: Options
  readonly all: Array<Segment> = []

  constructor(options: Options) {
    this.#options = options
  }

  /** Of an earlier process, checked; they come in order. */
  adopt(segment: Segment): void {
    this.all.push(segment)
    this.#options.onBytes(segment.byteCount)
  }

  get byteCount(): number {
    return this.all.reduce((sum, segment) => sum + segment.byteCount, 0)
  }

  /** The oldest record that is there; `undefined` before the first. */
  get first(): number | undefined {
    return this.all[0]?.first
  }

  #current(): Segment | undefined {
    const newest = this.all.at(-1)
    return newest !== undefined && newest.byteCount < segmentBytes ? newest : undefined
  }

  /** In this call, if the device keeps nobody waiting. False: nothing counts as written. */
  writeNow(batch: Batch): boolean {
    const segment = this.#current()
    const { isSynced } = this.#options
    const writeNow = isSynced || this.#isRolling ? undefined : segment?.file.writeNow
    if (segment === undefined || writeNow === undefined) return false
    if (writeNow(batch.bytes, 0, batch.byteCount, segment.byteCount) !== batch.byteCount) return false
    this.#grown(segment, batch)
    return true
  }

  /** What failed may be asked for again: it is written at the same place. */
  write(batch: Batch): Effect.Effect<void, FileFailed> {
    return this.#turn.withPermits(1)(this.#write(batch))
  }

  /** Of who writes, and of who puts an empty segment in the place of the newest. */
  readonly #turn = Semaphore.makeUnsafe(1)
  #isRolling = false

  #write(batch: Batch): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const segment = this.#current() ?? (yield* this.#open(batch.first))
      yield* segment.file.write([batch.bytes.subarray(0, batch.byteCount)], segment.byteCount)
      if (this.#options.isSynced) yield* segment.file.sync
      this.#grown(segment, batch)
    })
  }

  #grown(segment: Segment, batch: Batch): void {
    segment.byteCount += batch.byteCount
    segment.last = batch.last
    this.#options.onBytes(batch.byteCount)
  }

  #open(first: number): Effect.Effect<Segment, FileFailed> {
    const { about, directory, files, isSynced } = this.#options
    const path = `${directory}/${nameOf(first)}`
    return Effect.gen({ self: this }, function* () {
      if (this.all.length === 0) {
        yield* files.makeDirectory(directory)
        yield* About.write(files, directory, about)
      }
      const file = yield* files.open(path, "create")
      if (isSynced) yield* files.syncDirectory(directory)
      const segment: Segment = { first, path, file, byteCount: 0, last: first - 1 }
      this.all.push(segment)
      return segment
    })
  }

  /**
   * Removes segments of which nothing beyond `durable` is there; the newest only if `isOver`, or for an empty one where
   * the spool is tight: otherwise what the relay has long since would hold back tracers.
   */
  free(durable: number, isOver: boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      while (this.all.length > 0) {
        const [oldest, next] = this.all
        if (oldest === undefined || oldest.last > durable) return
        if (next === undefined && !isOver && !(yield* this.#roll(durable))) return
        this.all.shift()
        this.#options.onBytes(-oldest.byteCount)
        yield* oldest.file.close
        yield* Effect.ignore(this.#options.files.unlink(oldest.path))
      }
    })
  }

  /** False: the newest has to stay. */
  #roll(durable: number): Effect.Effect<boolean> {
    const work = Effect.gen({ self: this }, function* () {
      const newest = this.all.at(-1)
      if (newest === undefined || newest.last > durable || newest.byteCount === 0) return false
      if (!this.#options.isTight()) return false
      this.#isRolling = true
      const opened = yield* Effect.result(this.#open(newest.last + 1))
      return Result.isSuccess(opened)
    })
    const rolled = Effect.sync(() => {
      this.#isRolling = false
    })
    return this.#turn.withPermits(1)(Effect.ensuring(work, rolled))
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => Effect.forEach(this.all, ({ file }) => file.close, { discard: true }))
  }
}
