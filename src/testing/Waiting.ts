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

/** Polls until the condition holds; the interval is only how often one looks, never a measure of anything. */
export const until = <E = never, R = never>(
  waitingFor: string,
  condition: Effect.Effect<boolean, E, R> | (() => boolean),
  options: { readonly seconds?: number; readonly everyMillis?: number } = {}
): Effect.Effect<void, E | TimedOut, R> =>
  (Effect.isEffect(condition) ? condition : Effect.sync(condition)).pipe(
    Effect.repeat({
      schedule: Schedule.spaced(Duration.millis(options.everyMillis ?? 10)),
      until: (holds: boolean) => holds
    }),
    Effect.timeoutOption(Duration.seconds(options.seconds ?? 20)),
    Effect.flatMap((found) => (found._tag === "Some" ? Effect.void : Effect.fail(new TimedOut({ waitingFor })))),
    inRealTime
  )
