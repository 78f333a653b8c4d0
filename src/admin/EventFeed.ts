/**
 * The relay's events as an answer without an end: with a heartbeat, for a bounded number of listeners, until the port
 * closes. Listeners share one look at the relay. One that does not read loses the oldest events and holds up nothing.
 */
import { Deferred, Effect, Queue, Schedule, Stream } from "effect"
import { wallMillis } from "../Machine.ts"
import { Relay } from "../Relay.ts"
import type { RelayEvent } from "../relay/Events.ts"
import { type Told, TooManyListeners } from "./AdminApi.ts"
import { Closing } from "./Closing.ts"
import { Digest } from "./Digest.ts"

/** Each holds one of the port's connections: others must find one. */
const listenerCountMax = 16
const heartbeatInterval = "5 seconds"

/** The first at once: an answer begins with its first bytes. */
const heartbeats: Stream.Stream<Told> = Stream.concat(
  Stream.succeed(undefined),
  Stream.fromSchedule(Schedule.spaced(heartbeatInterval))
).pipe(Stream.map(() => ({ _tag: "Heartbeat", atMillis: wallMillis() })))

const flushInterval = "1 second"
/** Events that a listener may lag behind. */
const eventCountMax = 1024

/** As `Digest` says. Of most events nothing but a number is kept, in the turn in which they happen. */
const digested = ({ hearEvents }: Relay["Service"]): Stream.Stream<RelayEvent> =>
  Stream.callback<RelayEvent>(
    (queue) => {
      const digest = new Digest()
      const tell = (events: ReadonlyArray<RelayEvent>) => {
        for (const event of events) Queue.offerUnsafe(queue, event)
      }
      const hear = hearEvents((event) => {
        if (!digest.keeps(event)) tell(digest.pass(event))
      })
      const flush = Effect.sync(() => tell(digest.flush()))
      return Effect.andThen(hear, Effect.repeat(flush, Schedule.spaced(flushInterval)))
    },
    { bufferSize: eventCountMax, strategy: "sliding" }
  )

export const make = Effect.gen(function* () {
  const relay = yield* Relay
  const events = yield* Stream.share(digested(relay), { capacity: eventCountMax, strategy: "sliding" })
  const closing = yield* Closing
  let listenerCount = 0
  const counted = Effect.acquireRelease(
    Effect.sync(() => {
      listenerCount++
    }),
    () =>
      Effect.sync(() => {
        listenerCount--
      })
  )
  const all: Stream.Stream<Told> = Stream.merge(events, heartbeats).pipe(Stream.interruptWhen(Deferred.await(closing)))
  return (isTold: (told: Told) => boolean) =>
    Effect.suspend(() =>
      listenerCount < listenerCountMax
        ? Effect.succeed(Stream.unwrap(Effect.as(counted, Stream.filter(all, isTold))))
        : Effect.fail(new TooManyListeners())
    )
})
