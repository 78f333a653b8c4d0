/** What an attachment knows of one of its sessions. */
import type { Newcomers } from "./Newcomers.ts"
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

export const periodOf = ({ liveTimerMicros }: Session): number => Math.max(1, liveTimerMicros / 1000)

/** Shortest live period of the sessions, in ms; infinite if there are none. */
export const shortestPeriodOf = (sessions: ReadonlyArray<Session>): number =>
  sessions.reduce((least, session) => Math.min(least, periodOf(session)), Number.POSITIVE_INFINITY)

export const make = (session: Session, newcomers: Newcomers | undefined, nowMillis: number): WatchedSession => ({
  id: session.id,
  periodMillis: periodOf(session),
  newcomers,
  isOver: false,
  isWithdrawn: false,
  overSinceMillis: 0,
  askedMillis: nowMillis
})
