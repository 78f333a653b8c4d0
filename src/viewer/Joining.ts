/**
 * When to look for sessions that begin later under the name that is watched, and which are new. Pure; milliseconds.
 *
 * A look after each news, before what they tell is believed, finds a session before anything that happened in it could
 * be overtaken. What a relay of many sessions, or one far away, answers takes long: then it is asked less often.
 */
import type { Effect } from "effect"
import type { StreamEntry } from "../protocol/live/StreamEntry.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import type { Session } from "./ViewerEvent.ts"

export interface AttachedSession {
  readonly session: Session
  readonly streams: ReadonlyArray<StreamEntry>
}

/** How sessions that begin later come to be watched as well. */
export interface Joiners {
  /** So long after the last session has ended, too. */
  readonly lingerMillis: number
  /** All that may be watched; the known ones are among them. */
  readonly look: Effect.Effect<ReadonlyArray<Session>, ExchangeFailed>
  /** From its beginning; a text says why it cannot be. */
  readonly attach: (session: Session) => Effect.Effect<AttachedSession | string, ExchangeFailed>
}

/** Without news, at the latest. */
const pauseMax = 500
/** Of the time, so much is spent on looking; */
const lookShare = 0.05
/**
 * more where looks would lie further apart than this, since a tracer's first event may come that soon after its session
 * has begun: at most a fifth.
 */
const newsPauseMax = 100
const lookTimesMin = 4
/** After the last session has ended. */
const lingerPause = 50

export class Joining {
  readonly #periodMillis: number
  /** Those that are watched, and those that could not be. */
  readonly #known: Set<bigint>
  #lookedMillis = Number.NEGATIVE_INFINITY
  #pauseMillis = 0

  constructor(known: Iterable<bigint>, periodMillis: number) {
    this.#known = new Set(known)
    this.#periodMillis = Math.min(periodMillis, pauseMax)
  }

  isDue(nowMillis: number, hasNews: boolean): boolean {
    const pause = hasNews ? this.#pauseMillis : Math.max(this.#pauseMillis, this.#periodMillis)
    return nowMillis - this.#lookedMillis >= pause
  }

  /** How long to wait for another look when nothing else is to be done. */
  get lingerPauseMillis(): number {
    return Math.max(this.#pauseMillis, lingerPause)
  }

  /** The answer to a look. Each session is new once. */
  newAmong(sessions: ReadonlyArray<Session>, askedMillis: number, nowMillis: number): ReadonlyArray<Session> {
    this.#lookedMillis = nowMillis
    const lookMillis = nowMillis - askedMillis
    this.#pauseMillis = Math.min(lookMillis / lookShare, Math.max(newsPauseMax, lookTimesMin * lookMillis))
    const fresh = sessions.filter(({ id }) => !this.#known.has(id))
    for (const { id } of fresh) this.#known.add(id)
    return fresh
  }
}
