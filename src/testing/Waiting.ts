/** Waiting for conditions, in real time whatever clock the test has. */
import { Clock, Duration, Effect, Option, Schedule, Schema } from "effect"

/** A condition did not come in time. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", { waitingFor: Schema.String }) {
  override get message() {
    return `timed out waiting for ${this.waitingFor}`
  }
}

/** Peers and sockets know no test clock: what waits for them must not either. */
export const inRealTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, Clock.Clock.defaultValue())

/** A wait is cut into so many slices: a process that is stopped for longer than a slice has waited for one of them. */
const sliceCount = 20

/** None when it takes longer, not counting the time in which this process was stopped: nobody was served meanwhile. */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limit: Duration.Duration
): Effect.Effect<Option.Option<A>, E, R> => {
  const slice = Effect.sleep(Duration.millis(Duration.toMillis(limit) / sliceCount))
  const waited = Effect.repeat(slice, { times: sliceCount - 1 })
  return Effect.raceFirst(Effect.asSome(effect), Effect.as(waited, Option.none<A>()))
}

/** How long it waits before it fails, and how often it looks: never a measure of anything. */
export interface Patience {
  /** 20 where not given. */
  readonly seconds?: number
  /** 10 where not given. */
  readonly everyMillis?: number
}

const polled = <E, R>(waitingFor: string, condition: Effect.Effect<boolean, E, R>, patience: Patience) => {
  const holding = Effect.repeat(condition, {
    schedule: Schedule.spaced(Duration.millis(patience.everyMillis ?? 10)),
    until: (holds: boolean) => holds
  })
  return within(holding, Duration.seconds(patience.seconds ?? 20)).pipe(
    Effect.flatMap((found) => (Option.isSome(found) ? Effect.void : Effect.fail(new TimedOut({ waitingFor })))),
    inRealTime
  )
}

/** Looks again and again until the condition holds, or `holds` is true of what is seen; fails with `TimedOut`. */
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
