/**
 * When to look for sessions that begin later under the name that is watched, and which are new.
 *
 * A relay lists a session before anything can happen in it, so a look that is asked after news finds whoever may have
 * older ones. News wait for it, unless they tell of what happened before the last look: so nothing is overtaken, and a
 * viewer that has to catch up is not held up. A relay that takes long to answer, because it is far away or has many
 * sessions, is asked less often.
 */
import { Effect } from "effect"
import { fromCycles, type Scale } from "../ctf/model/Nanoseconds.ts"
import { type Reply, Status } from "../protocol/live/GetNextIndex.ts"
import type { StreamEntry } from "../protocol/live/StreamEntry.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import { TracerClock } from "./TracerClock.ts"
import type { Session } from "./ViewerEvent.ts"

export interface AttachedSession {
  readonly session: Session
  readonly streams: ReadonlyArray<StreamEntry>
}

/** How sessions that begin later come to be watched as well. */
export interface Joiners {
  /** Sessions that begin up to so many ms after the last one has ended join, too. */
  readonly lingerMillis: number
  /** All sessions that may be watched, known ones included. */
  readonly look: Effect.Effect<ReadonlyArray<Session>, ExchangeFailed>
  /** Attaches to a session from its beginning. Answers a text if that is refused: why. */
  readonly attach: (session: Session) => Effect.Effect<AttachedSession | string, ExchangeFailed>
}

export interface Found {
  readonly session: Session
  readonly attached: AttachedSession | string
}

/** Longest pause between two looks without news, unless looks take long. */
const pauseMaxMillis = 500
/** A pause lasts as long as so many looks: at most a fifth of the time goes to looks, but for those slow by chance. */
const pauseLooks = 4
/** Shortest pause between two looks after the last session has ended. */
const restMillisMin = 50
const nanosPerMilli = 1_000_000

export class Joining {
  readonly #joiners: Joiners
  readonly #now: () => bigint
  readonly #periodMillis: number
  /** Ids of the sessions that are watched, and of those that could not be. */
  readonly #known: Set<bigint>
  #askedNanos: bigint | undefined
  #lookedNanos = 0n
  #lookMillis = Number.POSITIVE_INFINITY
  #pauseMillis = 0
  /** All tracers of one host have the same clock. */
  readonly #tracer = new TracerClock()
  /** The latest tracer time that was told. */
  #toldNanos: bigint | undefined
  /** Some stream was read to its end: what is told is new, so the clocks are known. */
  #hasCaughtUp = false

  /** `now`: a steady clock. */
  constructor(joiners: Joiners, known: ReadonlyArray<AttachedSession>, periodMillis: number, now: () => bigint) {
    this.#joiners = joiners
    this.#known = new Set(known.map(({ session }) => session.id))
    this.#periodMillis = Math.min(periodMillis, pauseMaxMillis)
    this.#now = now
  }

  /** To be called with each answer about a stream. `isBegun`: the stream has told something before. */
  onReply({ status, timestampEnd }: Reply, clock: Scale | undefined, isBegun: boolean): void {
    if (status === Status.inactive || (status === Status.retry && isBegun)) this.#hasCaughtUp = true
    if (clock === undefined || (status !== Status.ok && status !== Status.inactive)) return
    const told = fromCycles(clock, timestampEnd)
    this.#tracer.hear(told, this.#now())
    if (this.#toldNanos === undefined || told > this.#toldNanos) this.#toldNanos = told
  }

  /** How many ms to wait for a look before going on. Undefined: no look is due. */
  waitMillis(hasNews: boolean): number | undefined {
    if (this.#askedNanos === undefined) return 0
    const isWaitedFor = hasNews && this.#hasCaughtUp && this.#isNews(this.#askedNanos)
    const isWanted = isWaitedFor || (hasNews && !this.#hasCaughtUp)
    const pause = isWanted ? this.#pauseMillis : Math.max(this.#pauseMillis, this.#periodMillis)
    const left = Math.max(0, pause - millisBetween(this.#lookedNanos, this.#now()))
    return left === 0 || isWaitedFor ? left : undefined
  }

  /** How many ms to wait for another look when nothing else is to be done. */
  get restMillis(): number {
    return Math.max(this.#pauseMillis, restMillisMin)
  }

  /** Answers the sessions that have begun since, each once; a text in place of its streams says why it was refused. */
  look(): Effect.Effect<ReadonlyArray<Found>, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      const askedNanos = this.#now()
      const sessions = yield* this.#joiners.look
      this.#askedNanos = askedNanos
      this.#lookedNanos = this.#now()
      const lookMillis = millisBetween(askedNanos, this.#lookedNanos)
      // A look that took long by chance is not to hold up what is told after it.
      this.#pauseMillis = pauseLooks * Math.min(lookMillis, this.#lookMillis)
      this.#lookMillis = lookMillis
      const found: Array<Found> = []
      for (const session of sessions) {
        if (this.#known.has(session.id)) continue
        this.#known.add(session.id)
        found.push({ session, attached: yield* this.#joiners.attach(session) })
      }
      // A session that is not listed any more has ended.
      const listed = new Set(sessions.map(({ id }) => id))
      for (const id of this.#known) if (!listed.has(id)) this.#known.delete(id)
      return found
    })
  }

  /** Whether something that was told may have happened after `nanos` of our clock. */
  #isNews(nanos: bigint): boolean {
    const latest = this.#toldNanos === undefined ? undefined : this.#tracer.latestOf(this.#toldNanos)
    return latest === undefined || latest > nanos
  }
}

const millisBetween = (from: bigint, to: bigint): number => Number(to - from) / nanosPerMilli
