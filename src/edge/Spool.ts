/**
 * The journals of an edge: a directory each below one directory, within one bound on their bytes.
 *
 * When the bound is reached the tracers are not read any more, until the relay has taken enough: nothing is lost, and a
 * tracer whose channel does not block counts itself what it drops.
 */
import { Effect, FiberMap, type Scope } from "effect"
import { report } from "../errors/Report.ts"
import { queueMicrotask, randomUUID } from "../Machine.ts"
import type { FileFailed, Files } from "../storage/Files.ts"
import * as About from "./About.ts"
import type { Budget } from "./Batches.ts"
import { Journal } from "./Journal.ts"
import { scan } from "./Scan.ts"

/** Records that wait for a disk, over all journals: more is left in the sockets. */
const unwrittenBytesMax = 16 * 1024 * 1024

/** Journals that could not be forwarded are kept under another name, for whoever wants to look. */
const lostSuffix = ".lost"

const isToken = (name: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)

export interface Options {
  readonly files: Files["Service"]
  /** Absolute path. */
  readonly directory: string
  readonly bytesMax: number
  readonly isSynced: boolean
}

export class Spool {
  readonly #options: Options
  readonly #budget: Budget = { unwrittenBytes: 0 }
  readonly #writers: Writers
  /** By token, the oldest first. */
  readonly journals = new Map<string, Journal>()
  readonly #open = new Map<string, Journal>()
  #hungry: Array<() => void> = []
  byteCount = 0
  /** What tracers said since the edge began. */
  heardByteCount = 0
  /** A journal is there that has to be forwarded, after what has to be done `before`. */
  onJournal: (journal: Journal, before: Effect.Effect<void>) => void = () => {}

  constructor(options: Options, writers: Writers) {
    this.#options = options
    this.#writers = writers
  }

  get bytesMax(): number {
    return this.#options.bytesMax
  }

  /** Tracers may be read. */
  get hasRoom(): boolean {
    return this.byteCount < this.#options.bytesMax && this.#budget.unwrittenBytes < unwrittenBytesMax
  }

  /** Calls `then` once there may be room. */
  whenRoom(then: () => void): void {
    this.#hungry.push(then)
  }

  readonly #onChange = (): void => {
    if (!this.hasRoom || this.#hungry.length === 0) return
    const hungry = this.#hungry
    this.#hungry = []
    // Not now: who is told reads more, in a call of its own.
    queueMicrotask(() => {
      for (const then of hungry) then()
    })
  }

  get #isTight(): boolean {
    return this.byteCount > this.#options.bytesMax / 2
  }
  #isRelieved = false

  /** When it becomes tight: what sessions that say nothing keep of what the relay has. */
  #relieve(): void {
    const isDue = this.#isTight && !this.#isRelieved && !this.#isRecovering
    this.#isRelieved = this.#isTight
    if (!isDue) return
    const freed = Effect.forEach(this.journals.values(), ({ durable, segments }) => segments.free(durable, false), {
      discard: true
    })
    this.#writers.run("relief", Effect.uninterruptible(freed))
  }

  #journal(token: string, about: About.About): Journal {
    const journal = new Journal({
      token,
      about,
      budget: this.#budget,
      files: this.#options.files,
      directory: `${this.#options.directory}/${token}`,
      isSynced: this.#options.isSynced,
      onChange: this.#onChange,
      isTight: () => this.#isTight,
      onBytes: (difference) => {
        this.byteCount += difference
        if (difference > 0 && !this.#isRecovering) this.heardByteCount += difference
        this.#relieve()
        this.#onChange()
      }
    })
    this.journals.set(token, journal)
    this.#writers.run(token, journal.run)
    return journal
  }

  /** The journal of the tracing session: the one that goes on, or a new one. */
  open(about: About.About): Journal {
    const open = this.#open.get(about.key)
    if (open !== undefined && !open.isFinished) return open
    const journal = this.#journal(randomUUID(), about)
    this.#enter(journal)
    return journal
  }

  /** Journals of one key are forwarded one after the other. */
  #enter(journal: Journal): void {
    const { key } = journal.about
    const before = this.#open.get(key)
    this.#open.set(key, journal)
    this.onJournal(journal, before === undefined ? Effect.void : before.gone)
  }

  /** The relay has all of it. */
  remove(journal: Journal): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* journal.segments.free(journal.last, true)
      yield* About.remove(this.#options.files, journal.directory)
      yield* Effect.ignore(this.#options.files.removeDirectory(journal.directory))
      yield* this.#forget(journal)
    })
  }

  /** What the relay does not have of it will not get there: it is put aside. */
  abandon(journal: Journal, why: string): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const rest = journal.last - journal.received
      yield* report("JOURNAL_LOST", `${journal.about.name}: ${why}: ${rest} records in ${journal.directory}`)
      yield* journal.segments.close
      this.byteCount -= journal.segments.byteCount
      const { files } = this.#options
      yield* Effect.ignore(files.rename(journal.directory, `${journal.directory}${lostSuffix}`))
      yield* this.#forget(journal)
    })
  }

  /** It has nothing that the relay should know. */
  discard(journal: Journal): void {
    this.#writers.run(`${journal.token} removed`, this.remove(journal))
  }

  #forget(journal: Journal): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.journals.delete(journal.token)
      if (this.#open.get(journal.about.key) === journal) this.#open.delete(journal.about.key)
      journal.disappear()
      this.#onChange()
      return this.#writers.stop(journal.token)
    })
  }

  /** Done when all that was heard is in files. */
  get written(): Effect.Effect<void> {
    return Effect.forEach(
      this.journals.values(),
      (journal) => Effect.callback<void>((resume) => journal.whenWritten(() => resume(Effect.void))),
      { discard: true }
    )
  }

  /** What an earlier process left: its tracers are gone, what they sent is forwarded. */
  get recover(): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const { directory, files } = this.#options
      yield* files.makeDirectory(directory)
      const left: Array<Journal> = []
      this.#isRecovering = true
      for (const { name } of yield* files.list(directory)) {
        if (isToken(name)) left.push(yield* this.#recover(name))
      }
      this.#isRecovering = false
      for (const journal of left.sort((a, b) => a.about.createdMillis - b.about.createdMillis)) {
        if (journal.last === 0) yield* this.remove(journal)
        else this.#enter(journal)
      }
    })
  }

  #isRecovering = false

  #recover(token: string): Effect.Effect<Journal, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const { directory, files } = this.#options
      const found = yield* scan(files, `${directory}/${token}`)
      const about = yield* About.read(files, `${directory}/${token}`)
      const journal = this.#journal(token, about ?? { key: token, name: token, createdMillis: 0 })
      for (const line of found.damage) yield* report("SPOOL_DAMAGED", line)
      for (const segment of found.segments) journal.segments.adopt(segment)
      for (const number of found.skipped) journal.skipped.add(number)
      journal.resumeAt(found.last)
      journal.isRecovered = true
      journal.isFinished = found.isFinished
      for (const connection of found.open) journal.open.set(connection, () => undefined)
      for (const connection of found.open) journal.leave(connection, true)
      if (found.last > 0) journal.finishIfOver()
      return journal
    })
  }
}

/** Runs the fibers that write journals. */
interface Writers {
  readonly run: (token: string, work: Effect.Effect<void>) => void
  readonly stop: (token: string) => Effect.Effect<void>
}

export const make = (options: Options): Effect.Effect<Spool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberMap.make<string, void>()
    const run = yield* FiberMap.runtime(fibers)<never>()
    return new Spool(options, {
      run: (token, work) => void run(token, work),
      stop: (token) => FiberMap.remove(fibers, token)
    })
  })
