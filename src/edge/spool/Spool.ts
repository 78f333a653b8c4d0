/**
 * The journals of an edge: a directory each below one directory, within one bound on their bytes.
 *
 * When the bound is reached the tracers are not read any more (`Holding`), until the relay has taken enough: nothing is
 * lost, and a tracer whose channel does not block counts itself what it drops.
 */
import { Effect, FiberMap, Schedule, type Scope } from "effect"
import { report } from "../../errors/Report.ts"
import { uuidDigits } from "../../Machine.ts"
import type { Capacity } from "../../storage/Capacity.ts"
import type { FileFailed } from "../../storage/Files.ts"
import * as About from "../journal/About.ts"
import { Chunks } from "../journal/Chunks.ts"
import { Journal } from "../journal/Journal.ts"
import type { Passed } from "../journal/Passed.ts"
import { examine } from "../journal/Scan.ts"
import { Flow } from "./Flow.ts"
import { Fullness } from "./Fullness.ts"
import { Holding } from "./Holding.ts"
import { Losses } from "./Losses.ts"
import type { Policy } from "./Overflow.ts"
import { type Place, recover } from "./Recovery.ts"
import { Resting } from "./Resting.ts"
import { Room } from "./Room.ts"

/** Size of one read of a journal: the more journals, the smaller, so that the sum is bounded. */
const readBytesMax = 512 * 1024
const readBytesMin = 64 * 1024
const readBytesInAll = 8 * 1024 * 1024

/** Room is made by whole segments, so even a small spool is divided into several. */
export const segmentBytesMax = 16 * 1024 * 1024
const segmentBytesMin = 64 * 1024
const segmentCountMin = 64
/** A long packet stays in one segment with its index, as far as the spool can hold several such segments. */
const packetCountMin = 8
const packetBytesMax = 64 * 1024 * 1024

/** A journal that is put aside waits so long for its last writes. */
const lastWrites = "5 seconds"
/** If the disk does not take the mark, it is tried again. */
const settleWait = "10 seconds"

export interface Options extends Place {
  readonly bytesMax: number
  readonly isSynced: boolean
  /** What to do when the spool is full, by HOST/SESSION. */
  readonly policyOf: (name: string) => Policy
  /** Packets that have waited for longer are dropped, whatever the policy. */
  readonly ageMillisMax: number | undefined
  /** Asks how much is free on the disk; undefined: it is not asked. */
  readonly capacity?: Effect.Effect<Capacity | undefined> | undefined
  /** Shared with another spool of the process. */
  readonly memory?: Chunks | undefined
}

export class Spool {
  readonly #options: Options
  readonly #room: Room
  /** Shared by all journals. */
  readonly memory: Chunks
  readonly flow = new Flow()
  readonly losses = new Losses()
  readonly holding: Holding
  readonly #fullness: Fullness
  readonly resting: Resting
  readonly #spares = { count: 0 }
  readonly #writers: Writers
  /** By token, the oldest first. */
  readonly journals = new Map<string, Journal>()
  readonly #open = new Map<string, Journal>()
  byteCount = 0
  /** Bytes that tracers sent since the edge began. */
  heardByteCount = 0
  /** Called with each journal that is to be forwarded, once `before` is done. */
  onJournal: (journal: Journal, before: Effect.Effect<void>) => void = () => {}

  constructor(options: Options, writers: Writers) {
    this.#options = options
    this.#room = new Room(options.bytesMax)
    this.memory = options.memory ?? new Chunks()
    this.#writers = writers
    this.holding = new Holding({
      room: this.#room,
      memory: this.memory,
      flow: this.flow,
      journals: this.journals,
      byteCount: () => this.byteCount
    })
    this.resting = new Resting(options)
    this.#fullness = new Fullness({
      journals: this.journals,
      losses: this.losses,
      policyOf: options.policyOf,
      isFull: () => !this.holding.fits(undefined),
      fullness: () => this.#room.fullness(this.byteCount),
      onChange: this.holding.onChange,
      run: writers.run
    })
  }

  /** Bytes that it may have now. */
  get bytesMax(): number {
    return this.#room.bytesMax
  }

  /** Looks at the disk's free room. To be called from time to time, as others write to the disk, too. */
  get look(): Effect.Effect<void> {
    return Effect.map(this.#options.capacity ?? Effect.succeed(undefined), (capacity) => {
      if (capacity !== undefined) this.#room.look(capacity, this.byteCount)
      this.holding.onChange()
    })
  }

  /** The wall clock was set: what the next process goes by gets the dates that it would have had. */
  get redate(): Effect.Effect<void> {
    return Effect.forEach([...this.journals.values()], ({ redate }) => redate, { discard: true })
  }

  get isTight(): boolean {
    return this.byteCount > this.bytesMax / 2
  }
  #isRelieved = false

  /** When room becomes short: frees what quiet sessions keep although the relay has it. */
  #relieve(): void {
    const isDue = this.isTight && !this.#isRelieved
    this.#isRelieved = this.isTight
    if (!isDue) return
    const journals = this.journals.values()
    const freed = Effect.forEach(journals, ({ durable, segments }) => segments.free(durable, false), { discard: true })
    this.#writers.run("relief", Effect.uninterruptible(freed))
  }

  /** The journal has no room: does what its policy says. */
  overflow(journal: Journal | undefined): void {
    if (journal === undefined || !this.memory.hasRoom || this.holding.fits(journal)) return
    this.#fullness.overflow(journal)
  }

  /** Drops what has waited for too long, from time to time. */
  get age(): Effect.Effect<void> {
    const { ageMillisMax } = this.#options
    return ageMillisMax === undefined ? Effect.void : this.#fullness.age(ageMillisMax)
  }

  /** A packet of a session that was stopped is lost. */
  lose({ about, isCut }: Journal, byteCount: number): void {
    this.losses.add(about.name, isCut ? "ended" : "stop", 1, byteCount)
  }

  /** How long segments become, and how long where a packet would be parted from its index. */
  get #segmentSizes(): { readonly segmentBytes: number; readonly longestBytes: number } {
    const segmentBytes = Math.min(segmentBytesMax, Math.max(segmentBytesMin, this.bytesMax / segmentCountMin))
    const longestBytes = Math.max(2 * segmentBytes, Math.min(packetBytesMax, this.bytesMax / packetCountMin))
    return { segmentBytes, longestBytes }
  }

  #journal(token: string, about: About.About, { isRecovered = false, base = 0 } = {}): Journal {
    const journal = new Journal({
      token,
      isRecovered,
      about,
      base,
      memory: this.memory,
      readBytes: () => Math.min(readBytesMax, Math.max(readBytesMin, readBytesInAll / this.journals.size)),
      spares: this.#spares,
      ...this.#segmentSizes,
      isRoomy: () => this.byteCount < this.bytesMax / 2 && this.#room.isAmple,
      files: this.#options.files,
      directory: `${this.#options.directory}/${About.nameOf(token, about.from !== undefined)}`,
      isSynced: this.#options.isSynced,
      onChange: this.holding.onChange,
      isTight: () => this.isTight,
      onBytes: (difference) => {
        this.byteCount += difference
        if (difference > 0 && journal.isHeard) this.heardByteCount += difference
        this.#relieve()
        this.holding.onChange()
      }
    })
    this.journals.set(token, journal)
    this.#writers.run(token, journal.writing.run)
    return journal
  }

  /** The journal of the tracing session: the one that goes on, or a new one. */
  open(about: About.About): Journal {
    const open = this.#open.get(about.key)
    if (open !== undefined && !open.isFinished) return open
    const journal = this.#journal(uuidDigits(), about)
    this.#enter(journal, Effect.void)
    return journal
  }

  /** A journal that another edge brings; records up to `base` were never here. Forwarded from `enter` on. */
  pass(token: string, about: About.About, base: number): Journal {
    return this.#journal(token, about, { base })
  }

  /** Begins to forward it, if that has not begun. */
  enter(journal: Journal): void {
    if (this.#open.get(journal.about.key) !== journal) this.#enter(journal, Effect.void)
  }

  /** Journals of one key are forwarded one after the other. */
  #enter(journal: Journal, prepared: Effect.Effect<void>): void {
    const { key } = journal.about
    const before = this.#open.get(key)
    this.#open.set(key, journal)
    this.onJournal(journal, Effect.andThen(prepared, before === undefined ? Effect.void : before.gone))
  }

  /** Looks for damage, which is logged and left out. False: nothing new was found. */
  examine(journal: Journal): Effect.Effect<boolean, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const until = journal.written
      const isFirst = journal.damage.examined === 0
      const looked = yield* examine(journal.home.directory, journal.segments.all)
      const news = journal.damage.learn(looked, until)
      for (const line of news) yield* report("SPOOL_DAMAGED", line)
      return isFirst || news.length > 0
    })
  }

  /**
   * The relay has all of it, and remembers that. Only a mark is kept here, so that the relay may forget it and nobody
   * begins it again. If the mark cannot be made, the relay goes on remembering.
   */
  settle(journal: Journal): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const { files, isSynced } = this.#options
      if (!journal.isOver) yield* journal.home.stays((at) => About.markOver(files, at, isSynced))
      journal.isOver = true
      journal.passed?.tell()
      yield* journal.segments.free(journal.last, true)
    })
  }

  /**
   * The relay has all of it, and has forgotten it. If another edge brings it, the mark stays until that edge knows: it
   * would begin it again.
   */
  done(journal: Journal): Effect.Effect<void> {
    if (journal.passed === undefined || journal.isForgotten) return this.remove(journal)
    const { resting } = this
    const { passed, token } = journal
    const released = Effect.suspend(() => (journal.isForgotten ? resting.remove(token) : Effect.void))
    const rests = Effect.uninterruptible(
      Effect.all([resting.add(token, passed.owner ?? ""), this.#forget(journal), released], { discard: true })
    )
    return Effect.andThen(Effect.orDie(Effect.retry(this.settle(journal), Schedule.spaced(settleWait))), rests)
  }

  /** The edge before will not ask for it any more. */
  forgotten(token: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const journal = this.journals.get(token)
      if (journal?.passed === undefined || !journal.isOver) return this.resting.remove(token)
      return this.resting.release(journal, () => this.journals.has(token))
    })
  }

  /** The relay has all of it, and has forgotten it. */
  remove(journal: Journal): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* journal.segments.free(journal.last, true)
      yield* journal.home.goes((at) => Effect.andThen(journal.segments.close, About.remove(this.#options.files, at)))
      yield* this.#forget(journal)
    })
  }

  /** Gives it up: what the relay does not have of it will not get there. */
  abandon(journal: Journal, why: string): Effect.Effect<void> {
    return Effect.andThen(this.putAside(journal, why), this.#forget(journal))
  }

  /** Renames its directory, so that no later process forwards it. False: that was not possible. */
  putAside(journal: Journal, why: string): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      if (!this.journals.has(journal.token)) return false
      const { base, last, received, segments } = journal
      const rest = Math.max(0, last - Math.max(base, received, (segments.first ?? 1) - 1))
      // Its tracers wait for their answers until then.
      yield* Effect.timeoutOption(written(journal), lastWrites)
      yield* report("JOURNAL_LOST", `${journal.about.name}: ${why}: ${rest} records in ${journal.home.directory}`)
      this.journals.delete(journal.token)
      return yield* Effect.isSuccess(About.putAside(this.#options, journal.home, journal.segments.close))
    })
  }

  /** The edge before is gone. Removes the journal if the relay needs nothing of it; a new connection begins it anew. */
  leave(journal: Journal, passed: Passed, isForGood = false): Effect.Effect<void> {
    const isDone = journal.last <= (isForGood ? journal.received : journal.durable)
    if (passed.isHere || journal.isFinished || !isDone) return Effect.void
    passed.isLeaving = true
    return this.remove(journal)
  }

  /** Forgets a journal of which nothing was written. */
  drop(journal: Journal): void {
    this.#writers.run(`${journal.token} dropped`, this.#forget(journal))
    this.journals.delete(journal.token)
  }

  /** Removes a journal that has nothing the relay should know. */
  discard(journal: Journal): void {
    this.#writers.run(`${journal.token} removed`, this.remove(journal))
  }

  /**
   * Not interruptible: that the journal is gone ends its forwarder, and that is who calls this. It is gone once its
   * place and its writer are: who hears that may begin another one of the same token.
   */
  #forget(journal: Journal): Effect.Effect<void> {
    const gone = Effect.sync(() => {
      journal.disappear()
      journal.letGo()
    })
    const forgotten = Effect.suspend(() => {
      const { about, token } = journal
      if (this.#open.get(about.key) === journal) this.#open.delete(about.key)
      // Another one may have begun meanwhile.
      if (![journal, undefined].includes(this.journals.get(token))) return gone
      this.journals.delete(token)
      return Effect.andThen(this.#writers.stop(token), gone)
    })
    return Effect.uninterruptible(forgotten)
  }

  /** Done when all that tracers said is in files. */
  get written(): Effect.Effect<void> {
    return Effect.forEach(this.journals.values(), written, { discard: true })
  }

  /** Finds what an earlier process left, and forwards it. */
  get recover(): Effect.Effect<void, FileFailed> {
    return recover(this.#options, {
      journal: (token, about) => this.#journal(token, about, { isRecovered: true }),
      enter: (journal, scanned) => this.#enter(journal, scanned),
      remove: (journal) => this.remove(journal)
    })
  }
}

const written = (journal: Journal): Effect.Effect<void> =>
  Effect.callback<void>((resume) => journal.whenWritten(() => resume(Effect.void)))

/** Runs the fibers that write journals. */
interface Writers {
  readonly run: (token: string, work: Effect.Effect<void>) => void
  readonly stop: (token: string) => Effect.Effect<void>
}

export const make = (options: Options): Effect.Effect<Spool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberMap.make<string, void>()
    const run = yield* FiberMap.runtime(fibers)<never>()
    const stop = (token: string) => FiberMap.remove(fibers, token)
    return new Spool(options, { run: (token, work) => void run(token, work), stop })
  })
