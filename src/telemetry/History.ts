/**
 * The last quarter of an hour of every session, for an operator who has just come to look: rates of what arrived and of
 * what the tracer lost, and how far the slowest viewer was behind.
 *
 * A session has 180 points of three numbers, which are forgotten when it ends.
 */
import { Clock, Context, Effect, Layer, Schedule } from "effect"
import { Relay } from "../Relay.ts"
import type { SessionStatus } from "../relay/Status.ts"
import * as Totals from "../relay/Totals.ts"

export const intervalSeconds = 5
/** Points of 15 minutes. */
const pointCountMax = 180

/** Totals of all data streams of a session, open and closed. */
export const totalsOf = ({ streams, closedChannels }: SessionStatus): Totals.Totals =>
  Totals.sumOf([
    ...streams.filter(({ isMetadata }) => !isMetadata),
    ...closedChannels.filter(({ channelName }) => channelName !== "metadata")
  ])

/** Points every `intervalSeconds`, the oldest first: bytes and events per second, and lag in seconds. */
export interface Series {
  readonly bytes: ReadonlyArray<number>
  readonly eventsDiscarded: ReadonlyArray<number>
  readonly lagSeconds: ReadonlyArray<number>
}

const lagSecondsOf = ({ viewers }: SessionStatus): number =>
  viewers.reduce((most, { lagNanos }) => Math.max(most, lagNanos / 1e9), 0)

class OfSession {
  readonly bytes: Array<number> = []
  readonly eventsDiscarded: Array<number> = []
  readonly lagSeconds: Array<number> = []
  #before: Totals.Totals

  constructor(session: SessionStatus) {
    this.#before = totalsOf(session)
  }

  /** `seconds`: since it was looked at before. */
  add(session: SessionStatus, seconds: number): void {
    const now = totalsOf(session)
    const rate = (key: keyof Totals.Totals) => Math.max(0, now[key] - this.#before[key]) / seconds
    this.#push(this.bytes, rate("byteCount"))
    this.#push(this.eventsDiscarded, rate("eventsDiscarded"))
    this.#push(this.lagSeconds, lagSecondsOf(session))
    this.#before = now
  }

  #push(points: Array<number>, point: number): void {
    points.push(point)
    if (points.length > pointCountMax) points.shift()
  }
}

/** Keeps the points of all sessions, each as long as `take` is told of it. */
class Recorder {
  readonly #sessions = new Map<number, OfSession>()

  take(sessions: ReadonlyArray<SessionStatus>, seconds: number): void {
    const present = new Set(sessions.map(({ id }) => id))
    for (const id of this.#sessions.keys()) if (!present.has(id)) this.#sessions.delete(id)
    for (const session of sessions) {
      const known = this.#sessions.get(session.id)
      if (known === undefined) this.#sessions.set(session.id, new OfSession(session))
      else known.add(session, seconds)
    }
  }

  of(sessionId: number): Series | undefined {
    return this.#sessions.get(sessionId)
  }
}

export class History extends Context.Service<History, { readonly of: (sessionId: number) => Series | undefined }>()(
  "lttng-relay/History"
) {
  static readonly layer: Layer.Layer<History, never, Relay> = Layer.effect(
    History,
    Effect.gen(function* () {
      const relay = yield* Relay
      const recorder = new Recorder()
      const clock = yield* Clock.Clock
      let lookedAt = clock.monotonicTimeNanosUnsafe()
      const look = Effect.map(relay.sessions, (sessions) => {
        const now = clock.monotonicTimeNanosUnsafe()
        recorder.take(sessions, Number(now - lookedAt) / 1e9)
        lookedAt = now
      })
      // A schedule at fixed times would look by a clock that can be set.
      yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced(`${intervalSeconds} seconds`)))
      return History.of({ of: (sessionId) => recorder.of(sessionId) })
    })
  )
}
