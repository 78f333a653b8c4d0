/**
 * What the edge heard of one tracing session, over all its connections, in the order it heard it: records that are
 * numbered, written to segments, and kept until the relay has them.
 *
 * Three numbers, each at most the one before: `last` was taken from a tracer; `written` is in the files as `--sync`
 * says, so the tracer may be answered; `durable` is at the relay for good, so the files may be freed.
 */
import { Deferred, Effect, Exit, Latch } from "effect"
import { clockMillis, wallMillisOf } from "../../Machine.ts"
import type { Outcome } from "../../protocol/journal/OpenJournal.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import * as About from "./About.ts"
import type { Chunks } from "./Chunks.ts"
import { Damage } from "./Damage.ts"
import { Halves } from "./Halves.ts"
import { Home } from "./Home.ts"
import { Needed } from "./Needed.ts"
import { Passed } from "./Passed.ts"
import type { Found } from "./Scan.ts"
import { Segments, type Options as SegmentsOptions } from "./Segments.ts"
import { type Part, Tail } from "./Tail.ts"
import { Writing } from "./Writing.ts"

export interface Options extends Omit<SegmentsOptions, "about" | "leave" | "home"> {
  /** Absolute path: where its segments are for now. */
  readonly directory: string
  /** UUID. */
  readonly token: string
  /** An earlier process heard it. */
  readonly isRecovered: boolean
  readonly about: About.About
  /** Records up to this one were never here. */
  readonly base?: number | undefined
  readonly memory: Chunks
  /** How many bytes one read from its files may bring. */
  readonly readBytes: () => number
  /** Something was written or freed. */
  readonly onChange: () => void
}

/** Records have 16 bits for it. */
const connectionMax = 0xffff

const endOf = (how: number): Part => ({ bytes: Buffer.from([how]), from: 0, to: 1 })
const [closedEnd, brokenEnd] = [endOf(0), endOf(1)]

export class Journal {
  readonly token: string
  about: About.About
  readonly base: number
  /** An earlier process heard it. This one only adds that its connections have ended. */
  readonly isRecovered: boolean
  /** Another edge brings it; undefined: tracers of this host. */
  readonly passed: Passed | undefined

  // What its tracers said.
  last = 0
  /** The last record that tracers caused: not one that says that there are no more. */
  #said = 0
  /** Connections that may still bring something. */
  readonly open = new Set<number>()
  #lastConnection = 0
  /** Sessions of the relay here that have not ended. */
  readonly sessions = new Set<number>()
  readonly halves = new Halves()
  needed = new Needed()
  /** No more comes: the tracer has ended, or the relay has. */
  isFinished: boolean
  /** What its tracers send goes nowhere. */
  isStopped = false

  // What is kept of it.
  readonly home: Home
  readonly segments: Segments
  readonly memory: Chunks
  readonly tail: Tail
  readonly writing: Writing
  readonly damage = new Damage()
  /** It is known what is in its segments. */
  isScanned: boolean
  readonly #scanned = Latch.makeUnsafe(false)
  /** Open unless a segment is being thinned. */
  readonly thinned = Latch.makeUnsafe(true)
  droppedPacketCount = 0
  droppedByteCount = 0

  // What the relay has of it.
  /** Number of the last record that may have been sent, by this process or an earlier one. */
  handed = 0
  /** Number of the last record that this process has sent. */
  sent = 0
  /** Number of the last record that the relay can have: sent, if only in part, or what it said when it was opened. */
  given = 0
  /** Number of the last record that the relay has carried out. */
  received = 0
  durable = 0
  /** Bytes that are written and not sent; 0 while nobody sends. */
  unsentBytes: () => number = () => 0
  /** What the relay waits for before it takes more; undefined: it takes what comes. */
  waitsFor: Outcome | undefined
  /** Parts of it that have ended at the relay alone, and why, as that says. */
  readonly lost: Array<string> = []
  /** The relay has ended it: no more of it is taken there. */
  isCut = false
  /** Say what came of a packet and was not written: behind the end of a connection its stream may be closed. */
  readonly beforeEnds = new Set<() => void>()
  /** The relay has all of it, and was or will be told that it may forget it. */
  isOver = false
  /** If another edge brought it: that one knows that it is over. */
  isForgotten = false
  readonly #gone = Deferred.makeUnsafe<void>()

  readonly #begunAt = clockMillis()
  readonly #files: SegmentsOptions["files"]
  readonly #readBytes: () => number
  readonly #onChange: () => void

  constructor(options: Options) {
    this.token = options.token
    this.isRecovered = options.isRecovered
    this.isScanned = !options.isRecovered
    const { about, base = 0 } = options
    this.passed = about.from === undefined ? undefined : new Passed(about.from, about.owner)
    this.isFinished = options.isRecovered && this.passed === undefined
    this.base = base
    this.last = base
    this.about = about
    this.home = new Home(options.directory)
    this.segments = new Segments({
      ...options,
      about: () => this.about,
      home: this.home,
      leave: (segment) => this.tail.leave(segment)
    })
    this.memory = options.memory
    this.#files = options.files
    this.#readBytes = options.readBytes
    this.tail = new Tail(options.memory, () => this.halves.isParted)
    this.#onChange = options.onChange
    const { segments, tail } = this
    this.writing = new Writing({ tail, segments, memory: options.memory, onWrite: options.onChange })
    this.writing.written = base
  }

  /**
   * What an earlier process wrote: its tracers' connections are gone. `isOver`: the relay has all of it. `sentFirst`:
   * see `About.markSent`.
   */
  recovered(found: Found, isOver: boolean, sentFirst = Number.POSITIVE_INFINITY): void {
    const { isFinished, last, needed, open, segments } = found
    this.damage.learn(found, last)
    this.segments.expect(0)
    for (const segment of segments) this.segments.adopt(segment)
    this.needed = needed
    this.last = last
    this.#said = last
    this.writing.written = last
    // The earlier process may have sent these. None of them is dropped before the relay says what it has.
    this.handed = segments.findLast(({ first }) => first <= sentFirst)?.last ?? 0
    this.isScanned = true
    this.isOver = isOver
    this.isFinished = isFinished || isOver
    this.#scanned.openUnsafe()
    // Its tracers' connections are at the edge before, which says what becomes of them.
    if (this.passed !== undefined) return
    for (const connection of open) this.open.add(connection)
    for (const connection of open) this.leave(connection, true)
    if (last > 0) this.finishIfOver()
  }

  /** The wall clock was set: what the next process goes by gets the dates that it would have had. */
  get redate(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.isScanned) return Effect.void
      if (this.isRecovered) return this.segments.redate
      this.about = { ...this.about, createdMillis: wallMillisOf(this.#begunAt) }
      if (this.segments.all.length === 0) return Effect.void
      return Effect.andThen(this.#noted, this.segments.redate)
    })
  }

  /** A full disk must not keep it from being forwarded. */
  get #noted(): Effect.Effect<void> {
    return Effect.ignore(this.home.stays((directory) => About.replace(this.#files, directory, this.about)))
  }

  /** A relay that takes no journals begins it: whoever forwards it to such a one later knows. */
  get begins(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.about = { ...this.about, begunCount: (this.about.begunCount ?? 0) + 1 }
      return this.#noted
    })
  }

  /** It grows by what tracers, or the edge before, say now, and not by what is found in its segments. */
  get isHeard(): boolean {
    return !this.isRecovered || (this.passed !== undefined && this.isScanned)
  }

  /** Done when it is known what is in its segments. */
  get scanned(): Effect.Effect<void> {
    return this.isScanned ? Effect.void : this.#scanned.await
  }

  append(kind: number, connection: number, one?: Part, two?: Part): void {
    if (this.isFinished) return
    const { halves, segments, tail } = this
    if (segments.isFull && !halves.isParted) tail.turn()
    tail.append(++this.last, kind, connection, one, two)
    if (kind !== Kind.end && kind !== Kind.finish) this.#said = this.last
  }

  /** The relay has carried out all that its tracers had to say. */
  get isCarriedOut(): boolean {
    return this.isFinished && this.passed === undefined && this.received >= this.#said
  }

  /** The relay has all that is here. */
  get isTaken(): boolean {
    return this.passed === undefined ? this.isCarriedOut : this.received >= this.last
  }

  /** A record of another edge's, its own number in it: `bytes[at, to)`. Gaps in the numbers are taken as they are. */
  take(number: number, isLast: boolean, bytes: Buffer, at: number, to: number): void {
    if (this.isFinished || number <= this.last) return
    // The segment that begins with it is named as if none was left out.
    this.tail.add(this.last + 1, number, bytes, at, to)
    this.last = number
    this.isFinished = isLast
  }

  /** The relay has records that were lost here, up to `number`: what the edge before brings next comes after them. */
  skipTo(number: number): void {
    this.last = Math.max(this.last, number)
    this.writing.written = this.last
  }

  /** Some of it was sent. */
  advanced(): void {
    this.#onChange()
  }

  /** How many bytes one read from its files may bring. */
  get readBytes(): number {
    return this.#readBytes()
  }

  /** A connection of the tracer joins; answers its number. */
  join(kind: typeof Kind.control | typeof Kind.data): number {
    const connection = this.#freeNumber()
    this.open.add(connection)
    this.append(kind, connection)
    return connection
  }

  /** Numbers of connections that have ended come round again. */
  #freeNumber(): number {
    do this.#lastConnection = (this.#lastConnection % connectionMax) + 1
    while (this.open.has(this.#lastConnection))
    return this.#lastConnection
  }

  /** The connection is gone. With the last one, the journal is finished. */
  leave(connection: number, isBroken?: boolean): void {
    if (!this.open.delete(connection)) return
    for (const say of this.beforeEnds) say()
    if (isBroken !== undefined) this.append(Kind.end, connection, isBroken ? brokenEnd : closedEnd)
    this.finishIfOver()
    this.writing.flush()
  }

  /** Finishes the journal once its connections are gone and no session waits for what they might have brought. */
  finishIfOver(): void {
    if (this.open.size > 0 || this.sessions.size > 0 || this.isFinished) return
    this.append(Kind.finish, 0)
    this.isFinished = true
    this.writing.flush()
  }

  /**
   * The relay has more than is here: an earlier process had sent what its host then lost with its power. That nothing
   * more comes is said behind that.
   */
  overtaken(received: number): void {
    // The edge before has the rest of its own, and says more.
    if (this.passed !== undefined || !this.isRecovered || this.isOver || received < this.last) return
    this.last = received
    this.tail.append(++this.last, Kind.finish, 0)
    this.writing.flush()
  }

  /** There is no room for more: at the relay the session ends as by lost connections, with what is there. */
  stop(): void {
    for (const connection of this.open) this.append(Kind.end, connection, brokenEnd)
    this.append(Kind.finish, 0)
    this.#goNowhere()
    this.writing.flush()
  }

  /** The relay takes no more of it. */
  cut(): void {
    this.isCut = true
    this.#goNowhere()
    this.passed?.tell()
  }

  /** Its tracers are still read, and notice nothing: one with a blocking channel would wait for ever. */
  #goNowhere(): void {
    this.isStopped = true
    this.isFinished = true
    this.open.clear()
  }

  /** Number of the last record that is in the files. */
  get written(): number {
    return this.writing.written
  }

  /** Calls `then` when all that was appended so far is written: now, or in a later turn; in the order asked. */
  whenWritten(then: () => void): void {
    this.writing.when(this.last, then)
  }

  /** The relay has all up to `durable`, and was given all up to `received`. */
  acknowledge(received: number, durable: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isNews = received > this.received
      // Less than before: the relay was started anew, without what it had carried out last.
      this.received = received
      if (isNews) this.#onChange()
      if (durable <= this.durable) return Effect.void
      this.durable = durable
      this.needed.free(durable)
      return Effect.tap(this.segments.free(durable, false), () => Effect.sync(this.#onChange))
    })
  }

  /** Nobody writes it any more, and what was not written takes no memory of others. */
  letGo(): void {
    this.writing.letGo(this.last)
    this.#onChange()
  }

  /** Nothing of it is left. */
  get gone(): Effect.Effect<void> {
    return Deferred.await(this.#gone)
  }

  disappear(): void {
    Deferred.doneUnsafe(this.#gone, Exit.void)
    this.passed?.hear()
    this.passed?.tell()
  }
}
