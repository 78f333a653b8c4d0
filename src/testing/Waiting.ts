/** Waiting for conditions, in real time whatever clock the test has. */
import { Clock, Duration, Effect, Schedule, Schema } from "effect"

/** A condition did not come in time. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", { waitingFor: Schema.String }) {
  override get message() {
    return `timed out waiting for ${this.waitingFor}`
  }
}

/** Peers and sockets know no test clock: what waits for them must not either. */
export const inRealTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, Clock.Clock.defaultValue())

/** How long it waits before it fails, and how often it looks: never a measure of anything. */
export interface Patience {
  /** 20 where not given. */
  readonly seconds?: number
  /** 10 where not given. */
  readonly everyMillis?: number
}

const polled = <E, R>(waitingFor: string, condition: Effect.Effect<boolean, E, R>, patience: Patience) =>
  condition.pipe(
    Effect.repeat({
      schedule: Schedule.spaced(Duration.millis(patience.everyMillis ?? 10)),
      until: (holds: boolean) => holds
    }),
    Effect.timeoutOption(Duration.seconds(patience.seconds ?? 20)),
    Effect.flatMap((found) => (found._tag === "Some" ? Effect.void : Effect.fail(new TimedOut({ waitingFor })))),
    inRealTime
  )

/** Looks again and again until the condition holds, or `holds` is true of what is seen. */
export const until: {
  <E = never, R = never>(
    waitingFor: string,
    condition: Effect.Effect<boolean, E, R> | (() => boolean),
    patience?: Patience
  ): Effect.Effect<void, E | TimedOut, R>
  <A, E, R>(
    waitingFor: string,
    look: Effect.Effect<A, E, R>,
    holds: (seen: A) => boolean,
    patience?: Patience
  ): Effect.Effect<void, E | TimedOut, R>
} = <A, E, R>(
  waitingFor: string,
  look: Effect.Effect<A, E, R> | (() => A),
  second: ((seen: A) => boolean) | Patience = {},
  third: Patience = {}
): Effect.Effect<void, E | TimedOut, R> => {
  const seen = Effect.isEffect(look) ? look : Effect.sync(look)
  const [holds, patience] = typeof second === "function" ? [second, third] : [(is: A) => is === true, second]
  return polled(waitingFor, Effect.map(seen, holds), patience)
}
