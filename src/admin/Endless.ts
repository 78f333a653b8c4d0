/** Answers without an end: so many at once, each with a heartbeat, until the port closes. */
import { Context, Deferred, Effect, Schedule, Stream } from "effect"
import { TooManyListeners } from "./AdminApi.ts"

/** Completed when the port is about to close. */
export class Closing extends Context.Service<Closing, Deferred.Deferred<void>>()("lttng-relay/admin/Closing") {}

const interval = "5 seconds"

/** The first at once, since an answer begins with its first bytes. A client that is gone is found out by them. */
export const heartbeats = <A>(beat: () => A): Stream.Stream<A> =>
  Stream.concat(Stream.sync(beat), Stream.map(Stream.fromSchedule(Schedule.spaced(interval)), beat))

/** While it may, which is looked at with everything that comes; then `last` says why no longer. */
export const permitted = <A, B>(
  answer: Stream.Stream<A>,
  mayGoOn: () => boolean,
  last: (reason: string) => B
): Stream.Stream<A | B> =>
  Stream.concat(
    Stream.takeWhile(answer, mayGoOn),
    Stream.suspend(() => (mayGoOn() ? Stream.empty : Stream.succeed(last("no rule shows it to you any more"))))
  )

/** Each holds one of the port's connections: others must find one. */
export const bounded = (countMax: number) =>
  Effect.map(Closing, (closing) => {
    let count = 0
    const counted = Effect.acquireRelease(
      Effect.sync(() => {
        count++
      }),
      () =>
        Effect.sync(() => {
          count--
        })
    )
    return <A>(answer: Stream.Stream<A>): Effect.Effect<Stream.Stream<A>, TooManyListeners> =>
      Effect.suspend(() =>
        count < countMax
          ? Effect.succeed(
              Stream.unwrap(Effect.as(counted, answer)).pipe(Stream.interruptWhen(Deferred.await(closing)))
            )
          : Effect.fail(new TooManyListeners())
      )
  })
