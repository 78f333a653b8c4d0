/** Answers without an end: a bounded number at once, each with a heartbeat, until the port closes. */
import { Context, Deferred, Effect, Layer, Schedule, type Scope, Stream } from "effect"
import { TooManyListeners } from "./AdminApi.ts"

/** Completed when the port is about to close. */
export class Closing extends Context.Service<Closing, Deferred.Deferred<void>>()("lttng-relay/admin/Closing") {}

/** `served`, whose answers without an end are the first thing to end when its scope closes. */
export const endFirst = <A, E, R>(served: Layer.Layer<A, E, R>): Layer.Layer<A, E, Exclude<R, Closing>> =>
  Layer.unwrap(
    Effect.sync(() => {
      const closing = Deferred.makeUnsafe<void>()
      // Built last, so closed first.
      return Layer.effectDiscard(Effect.addFinalizer(() => Deferred.succeed(closing, undefined))).pipe(
        Layer.provideMerge(served),
        Layer.provide(Layer.succeed(Closing, closing))
      )
    })
  )

const interval = "5 seconds"

/** A heartbeat at once, since an answer begins with its first bytes, and then regularly: a lost client is noticed. */
export const heartbeats = <A>(beat: () => A): Stream.Stream<A> =>
  Stream.concat(Stream.sync(beat), Stream.map(Stream.fromSchedule(Schedule.spaced(interval)), beat))

/** `answer` while `mayGoOn`, which is asked with each item; then `last` says why it ends. */
export const permitted = <A, B>(
  answer: Stream.Stream<A>,
  mayGoOn: () => boolean,
  last: (reason: string) => B
): Stream.Stream<A | B> =>
  Stream.concat(
    Stream.takeWhile(answer, mayGoOn),
    Stream.suspend(() => (mayGoOn() ? Stream.empty : Stream.succeed(last("no rule shows it to you any more"))))
  )

/**
 * Admits at most `countMax` answers at once: each holds one of the port's connections, and others must find one. The
 * scope, the request's, has a place from then on: whoever comes with it finds that taken.
 */
export const bounded = (countMax: number) =>
  Effect.map(Closing, (closing) => {
    let count = 0
    const entered = Effect.suspend(() => {
      if (count >= countMax) return Effect.fail(new TooManyListeners())
      count++
      return Effect.void
    })
    const left = Effect.sync(() => {
      count--
    })
    const place = Effect.acquireRelease(entered, () => left)
    return <A>(answer: Stream.Stream<A>): Effect.Effect<Stream.Stream<A>, TooManyListeners, Scope.Scope> =>
      Effect.as(place, Stream.interruptWhen(answer, Deferred.await(closing)))
  })
