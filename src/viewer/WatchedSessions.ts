/**
 * The sessions that an attachment watches: when each of them is asked for new streams, and that it will announce no
 * more. Answers about a session's streams tell of its new ones, so a session with open streams is asked when they do.
 */
import { Effect } from "effect"
import { Status } from "../protocol/live/GetNewStreams.ts"
import type { StreamEntry } from "../protocol/live/StreamEntry.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import type { Newcomers } from "./Newcomers.ts"
import type { ViewerConnection } from "./ViewerConnection.ts"
import type { Session } from "./ViewerEvent.ts"

export interface WatchedSession {
  readonly id: bigint
  readonly periodMillis: number
  /** Undefined: it cannot be known when its new streams begin. */
  readonly newcomers: Newcomers | undefined
  /** It will announce no further stream. */
  isOver: boolean
  /** The relay says that we do not watch such a session, but not that it has ended. */
  isWithdrawn: boolean
  overSinceMillis: number
  askedMillis: number
}

export interface Options {
  readonly connection: Pick<ViewerConnection, "minor" | "newStreams">
  /** Shortest live period of the sessions. */
  readonly periodMillis: number
  /** Pause between two questions to a session without open streams. */
  readonly emptyMillis: number
  /** Takes streams that a session has announced. */
  readonly announce: (session: WatchedSession, streams: ReadonlyArray<StreamEntry>, nowMillis: number) => void
}

/** From this minor on, every reply tells of new streams, and inactivity is told. */
export const newStreamFlagMinor = 14
/** From this minor on, a relay knows a session for as long as viewers are attached, though it has ended. */
const keptSessionsMinor = 7
/** Live periods between two questions for new streams, if every reply tells of them anyway. */
const newStreamsRarePeriods = 5

export const periodOf = ({ liveTimerMicros }: Session): number => Math.max(1, liveTimerMicros / 1000)

/** Shortest live period of the sessions, in ms; infinite if there are none. */
export const shortestPeriodOf = (sessions: ReadonlyArray<Session>): number =>
  sessions.reduce((least, session) => Math.min(least, periodOf(session)), Number.POSITIVE_INFINITY)

/** `active`, here and below: the ids of the sessions with open data streams. */
export class WatchedSessions {
  readonly #options: Options
  /** Sessions that have not ended. */
  #all: Array<WatchedSession> = []
  /** An answer told of streams that were not asked for yet. */
  areStreamsWanted = false

  constructor(options: Options) {
    this.#options = options
  }

  get count(): number {
    return this.#all.length
  }

  add(session: Session, newcomers: Newcomers | undefined, nowMillis: number): WatchedSession {
    const added: WatchedSession = {
      id: session.id,
      periodMillis: periodOf(session),
      newcomers,
      isOver: false,
      isWithdrawn: false,
      overSinceMillis: 0,
      askedMillis: nowMillis
    }
    this.#all.push(added)
    return added
  }

  find(id: bigint): WatchedSession | undefined {
    return this.#all.find((session) => session.id === id)
  }

  /** Those with these ids. */
  select(ids: ReadonlySet<bigint>): ReadonlyArray<WatchedSession> {
    return this.#all.filter(({ id }) => ids.has(id))
  }

  /** To be called before streams are asked for their next index. */
  onAsk(): void {
    for (const { newcomers } of this.#all) newcomers?.onAsk()
  }

  /** Sessions without open streams, which may have some by now. For the others, answers about their streams tell. */
  empty(active: ReadonlySet<bigint>): ReadonlyArray<WatchedSession> {
    return this.#all.filter(({ id }) => !active.has(id))
  }

  /** Asks all sessions for new streams. */
  askAll(nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    this.areStreamsWanted = false
    return this.ask(this.#all, nowMillis)
  }

  /** Asks these sessions for new streams, if they may announce any. */
  ask(sessions: ReadonlyArray<WatchedSession>, nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    const { announce, connection } = this.#options
    return Effect.gen(function* () {
      for (const session of sessions.filter(({ isOver }) => !isOver)) {
        session.askedMillis = nowMillis
        const { status, streams } = yield* connection.newStreams(session.id)
        if (status === Status.ok) announce(session, streams, nowMillis)
        if (status === Status.noNew || status === Status.ok) continue
        session.isOver = true
        session.isWithdrawn = status === Status.error && connection.minor >= keptSessionsMinor
        session.overSinceMillis = nowMillis
      }
    })
  }

  /** Asks sessions for new streams that have not been asked for a while, or have no streams. */
  askQuiet(active: ReadonlySet<bigint>, nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    const { connection, emptyMillis, periodMillis } = this.#options
    const periods = connection.minor < newStreamFlagMinor ? 1 : newStreamsRarePeriods
    const due = this.#all.filter(({ askedMillis, id }) => {
      const pause = active.has(id) ? periods * periodMillis : emptyMillis
      return nowMillis - askedMillis >= pause
    })
    return this.ask(due, nowMillis)
  }

  /** Takes out the sessions that have ended: they announce no more, and all their streams hung up. */
  takeEnded(active: ReadonlySet<bigint>): ReadonlyArray<WatchedSession> {
    const ended = this.empty(active).filter(({ isOver }) => isOver)
    this.#all = this.#all.filter((session) => !ended.includes(session))
    return ended
  }
}
