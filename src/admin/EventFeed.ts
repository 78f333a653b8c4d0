/**
 * The relay's events as an answer without an end. All listeners share one subscription to the relay. One that does not
 * read loses the oldest events and holds up nothing.
 */
import { Effect, Queue, Schedule, Stream } from "effect"
import { wallMillis } from "../Machine.ts"
import { Relay } from "../Relay.ts"
import type { RelayEvent } from "../relay/Events.ts"
import type { Heartbeat, Told } from "./AdminApi.ts"
import { Digest } from "./Digest.ts"
import * as Endless from "./Endless.ts"

const listenerCountMax = 16

const flushInterval = "1 second"
/** Events that a listener may lag behind. */
const eventCountMax = 1024

/** The relay's events, thinned out by `Digest` in the turn in which they happen. */
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
  const admit = yield* Endless.bounded(listenerCountMax)
  const heartbeats = Endless.heartbeats(() => ({ _tag: "Heartbeat" as const, atMillis: wallMillis() }))
  const all = Stream.merge(events, heartbeats)
  /** The answer for one listener. When `mayGoOn` turns false it ends, with the next heartbeat at the latest. */
  return (isTold: (told: RelayEvent | typeof Heartbeat.Type) => boolean, mayGoOn: () => boolean) =>
    admit(Endless.permitted(Stream.filter(all, isTold), mayGoOn, (reason): Told => ({ _tag: "End", reason })))
})
