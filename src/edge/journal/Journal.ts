/**
 * What the edge heard of one tracing session, over all its connections, in the order it heard it: records that are
 * numbered, written to segments, and kept until the relay has them.
 *
 * Three numbers, each at most the one before: `last` was taken from a tracer; `written` is in the files as `--sync`
 * says, so the tracer may be answered; `durable` is at the relay for good, so the files may be freed.
 */
import { Deferred, Effect, Exit, Latch } from "effect"
import { report } from "../../errors/Report.ts"
import { setImmediate } from "../../Machine.ts"
import type { Outcome } from "../../protocol/journal/OpenJournal.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import type { About } from "./About.ts"
import type { Chunk, Chunks } from "./Chunks.ts"
import { Growth } from "./Growth.ts"
import { Halves } from "./Halves.ts"
import type { Lost } from "./History.ts"
import { Home } from "./Home.ts"
import { Needed } from "./Needed.ts"
import { Passed } from "./Passed.ts"
import type { Found } from "./Scan.ts"
import { Segments, type Options as SegmentsOptions } from "./Segments.ts"
import { type Part, Tail } from "./Tail.ts"

/** A disk that is full may have room later; the tracer is held back meanwhile. */
const retryWait = "500 millis"

export interface Options extends Omit<SegmentsOptions, "leave" | "home"> {
  /** Absolute path: where its segments are for now. */
  readonly directory: string
  /** UUID. */
  readonly token: string
  /** An earlier process heard it. */
  readonly isRecovered: boolean
  readonly about: About
  /** Records up to this one were never here. */
  readonly base?: number | undefined
  readonly memory: Chunks
  /** How much one read brings. */
  readonly readBytes: () => number
  /** Something was written or freed. */
  readonly onChange: () => void
}

/** As a record has it. */
const connectionMax = 0xffff

const endOf = (how: number): Part => ({ bytes: Buffer.from([how]), from: 0, to: 1 })
const [closedEnd, brokenEnd] = [endOf(0), endOf(1)]

interface Waiting {
  readonly number: number
  readonly then: () => void
}

export class Journal {
  readonly token: string
  readonly home: Home
  readonly segments: Segments
  about: About
  last = 0
  written = 0
  /** What the relay has carried out. */
  received = 0
  durable = 0
  /** Connections that may still bring something. */
  readonly open = new Set<number>()
  /** Sessions of the relay here that have not ended. */
  readonly sessions = new Set<number>()
  /** An earlier process heard it: all but the end, which is told by this one. */
  readonly isRecovered: boolean
  /** What is in its segments is known. */
  isScanned: boolean
  /** The last record that was sent to the relay once. */
  sent = 0
  /** No more comes: the tracer has ended, or the relay has. */
  isFinished: boolean
  /** The relay has it, and was or will be told that it need not remember it. */
  isOver = false
  /** The edge before knows that, if another one brought it. */
  isForgotten = false
  /** What the relay waits for before it takes more; undefined: it takes what comes. */
  waitsFor: Outcome | undefined
  /** Another edge brings it; undefined: tracers of this host. */
  readonly passed: Passed | undefined
  readonly base: number
  readonly tail: Tail
  readonly memory: Chunks
  needed = new Needed()
  readonly halves = new Halves()
  readonly growth = new Growth()
  /** Number of the last record that may have been on its way to the relay. */
  handed = 0
  /** Open unless a segment is being thinned. */
  readonly thinned = Latch.makeUnsafe(true)
  droppedPacketCount = 0
  droppedByteCount = 0
  /** Bytes that were written and not sent, as far as somebody sends. */
  unsentBytes: () => number = () => 0
  readonly #readBytes: () => number
  readonly #onChange: () => void
  readonly #dirty = Latch.makeUnsafe(false)
  readonly #gone = Deferred.makeUnsafe<void>()
  #waiting: Array<Waiting> = []
  #isWriting = false
  #lastConnection = 0

  constructor(options: Options) {
    this.token = options.token
    this.isRecovered = options.isRecovered
    this.isScanned = !options.isRecovered
    const { about, base = 0 } = options
    this.passed = about.from === undefined ? undefined : new Passed(about.from)
    this.isFinished = options.isRecovered && this.passed === undefined
    this.base = base
    this.last = base
    this.written = base
    this.about = about
    this.home = new Home(options.directory)
    this.segments = new Segments({ ...options, home: this.home, leave: (segment) => this.tail.leave(segment) })
    this.memory = options.memory
    this.#readBytes = options.readBytes
    this.tail = new Tail(options.memory, () => this.halves.isParted)
    this.#onChange = options.onChange
  }

  /**
   * What an earlier process wrote: its tracers' connections are gone. `isOver`: the relay has all of it. `sentFirst`:
   * see `About.markSent`.
   */
  recovered(found: Found, isOver: boolean, sentFirst = Number.POSITIVE_INFINITY): void {
    const { damage, isFinished, last, needed, open, segments, skipped } = found
    for (const line of damage) this.damage.add(line)
    this.segments.expect(0)
    for (const segment of segments) this.segments.adopt(segment)
    for (const [number, lost] of skipped) this.skipped.set(number, lost)
    this.needed = needed
    this.last = last
    this.#said = last
    this.written = last
    // Of what the earlier process may have sent nothing may go before the relay says what it has.
    this.handed = segments.findLast(({ first }) => first <= sentFirst)?.last ?? 0
    this.examined = last
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

  /** What it grows by is said now, not found: by tracers of this process, or by the edge before. */
  get isHeard(): boolean {
    return !this.isRecovered || (this.passed !== undefined && this.isScanned)
  }

  /** Done when what is in its segments is known. */
  get scanned(): Effect.Effect<void> {
    return this.isScanned ? Effect.void : this.#scanned.await
  }
  readonly #scanned = Latch.makeUnsafe(false)

  append(kind: number, connection: number, one?: Part, two?: Part): void {
    if (this.isFinished) return
    const { halves, segments, tail } = this
    if (segments.isFull && !halves.isParted) tail.turn()
    tail.append(++this.last, kind, connection, one, two)
    if (kind !== Kind.end && kind !== Kind.finish) this.#said = this.last
  }
  /** The last record but for those that say that there are no more. */
  #said = 0

  /** All that its tracers had to say was carried out. */
  get isCarriedOut(): boolean {
    return this.isFinished && this.passed === undefined && this.received >= this.#said
  }

  /** A record of another edge's, its own number in it: `bytes[at, to)`. Gaps in the numbers are taken as they are. */
  take(number: number, isLast: boolean, bytes: Buffer, at: number, to: number): void {
    if (this.isFinished || number <= this.last) return
    // The segment that begins with it is named as if none was left out.
    this.tail.add(this.last + 1, number, bytes, at, to)
    this.last = number
    this.isFinished = isLast
  }

  /** The relay has what was lost here, and the edge before has no more: what is taken next is behind it. */
  skipTo(number: number): void {
    this.last = Math.max(this.last, number)
    this.written = this.last
  }

  /** Some of it was sent. */
  advanced(): void {
    this.#onChange()
  }

  /** Of what has to be read back. */
  get readBytes(): number {
    return this.#readBytes()
  }

  /** Records that cannot be read, and those that mean nothing without them. */
  readonly skipped = new Map<number, Lost | undefined>()
  /** Up to this record all damage is known. */
  examined = 0
  /** What was said of it. */
  readonly damage = new Set<string>()

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

  /** Nothing more of it matters to the journal. With the last one, the journal is finished. */
  leave(connection: number, isBroken?: boolean): void {
    if (!this.open.delete(connection)) return
    if (isBroken !== undefined) this.append(Kind.end, connection, isBroken ? brokenEnd : closedEnd)
    this.finishIfOver()
    this.flush()
  }

  /** Once its connections are gone, and no session waits for what they might have brought. */
  finishIfOver(): void {
    if (this.open.size > 0 || this.sessions.size > 0 || this.isFinished) return
    this.append(Kind.finish, 0)
    this.isFinished = true
    this.flush()
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
    this.flush()
  }

  /** There is no room for more: at the relay the session ends as by lost connections, with what is there. */
  stop(): void {
    for (const connection of this.open) this.append(Kind.end, connection, brokenEnd)
    this.append(Kind.finish, 0)
    this.#goNowhere()
    this.flush()
  }

  /** The relay takes no more of it. */
  cut(): void {
    this.isCut = true
    this.#goNowhere()
    this.passed?.tell()
  }
  isCut = false

  /** Its tracers notice nothing: who blocks would wait for ever. */
  #goNowhere(): void {
    this.isStopped = true
    this.isFinished = true
    this.open.clear()
  }
  /** What its tracers send goes nowhere. */
  isStopped = false

  /** To be called when a turn has appended all it has. */
  flush(): void {
    while (!this.#isWriting) {
      const chunk = this.tail.unwritten
      if (chunk === undefined) return
      if (this.segments.writeNow(chunk)) this.#wrote(chunk, chunk.filled, chunk.last)
      else {
        this.#isWriting = true
        this.#dirty.openUnsafe()
      }
    }
  }

  /**
   * The same for what no tracer waits to be answered: little of it waits for company until the turns that are due are
   * over, and `isWithin` a packet for more of that, since the relay can do nothing with a part.
   */
  flushSoon(isWithin: boolean): void {
    if (this.tail.isMuch || !this.memory.mayGather) this.flush()
    else if (!isWithin && !this.#isDue) {
      this.#isDue = true
      setImmediate(this.#onDue)
    }
  }
  #isDue = false

  readonly #onDue = (): void => {
    this.#isDue = false
    this.flush()
  }

  #wrote(chunk: Chunk, to: number, last: number): void {
    this.written = last
    this.tail.wrote(chunk, to, last)
    const due = this.#waiting.findIndex(({ number }) => number > last)
    const done = this.#waiting.splice(0, due < 0 ? this.#waiting.length : due)
    for (const { then } of done) then()
    this.growth.tell()
    this.#onChange()
  }

  /** Calls `then` when all that was appended so far is written: now, or in a later turn; in the order asked. */
  whenWritten(then: () => void): void {
    this.flush()
    if (this.written >= this.last && this.#waiting.length === 0) then()
    else this.#waiting.push({ number: this.last, then })
  }

  /** The journal's fiber: writes what is not written at once. */
  get run(): Effect.Effect<never> {
    return Effect.forever(
      Effect.gen({ self: this }, function* () {
        yield* this.#dirty.await
        const chunk = this.tail.unwritten as Chunk
        const { filled, last } = chunk
        const failure = yield* Effect.result(this.segments.write(chunk, filled, last))
        if (failure._tag === "Failure") {
          if (!this.isFailing) yield* report("SPOOL_FAILED", failure.failure.message)
          this.isFailing = true
          yield* Effect.sleep(retryWait)
          return
        }
        this.isFailing = false
        this.#dirty.closeUnsafe()
        this.#isWriting = false
        this.#wrote(chunk, filled, last)
        this.flush()
      })
    )
  }
  /** What was heard could not be written when it was tried last: its tracers are held back. */
  isFailing = false

  /** Done when more than `number` is written. */
  beyond(number: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const look = () => (this.written > number ? resume(Effect.void) : this.growth.when(look))
      look()
      return Effect.sync(() => this.growth.forget(look))
    })
  }

  /** The relay has all up to `durable`, and was given all up to `received`. */
  acknowledge(received: number, durable: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isNews = received > this.received
      this.received = Math.max(this.received, received)
      if (isNews) this.#onChange()
      if (durable <= this.durable) return Effect.void
      this.durable = durable
      this.needed.free(durable)
      return Effect.tap(this.segments.free(durable, false), () => Effect.sync(this.#onChange))
    })
  }

  /** Nobody writes it any more: who waits for that goes on, and what waits for it takes no memory of others. */
  letGo(): void {
    this.written = this.last
    this.tail.drop()
    for (const { then } of this.#waiting.splice(0)) then()
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
