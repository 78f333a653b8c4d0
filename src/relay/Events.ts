/**
 * What happens in the relay, for programs that embed it. Publishing costs one comparison while nobody listens; a slow
 * subscriber loses the oldest events, never holds up a stream.
 */
import { Effect, PubSub, Stream } from "effect"

/** Events one subscriber may lag behind: some seconds of a busy relay. */
const eventCountMax = 4096

/** What happens in the relay: ids are those of `SessionStatus` and `StreamStatus`, times cycles of the trace clock. */
export type RelayEvent =
  | { readonly _tag: "SessionCreated"; readonly sessionId: number; readonly name: string; readonly hostname: string }
  | {
      readonly _tag: "StreamAdded"
      readonly sessionId: number
      readonly streamId: number
      readonly path: string
      readonly channelName: string
    }
  /** The stream's files now hold this many packets and bytes in all. One event may stand for many packets. */
  | {
      readonly _tag: "PacketsStored"
      readonly sessionId: number
      readonly streamId: number
      readonly packetCount: number
      readonly byteCount: number
    }
  /** Nothing older than `timestampEnd` (trace clock) will come from the stream. */
  | {
      readonly _tag: "Beacon"
      readonly sessionId: number
      readonly streamId: number
      readonly timestampEnd: bigint
    }
  /** A trace chunk was archived. `path` is relative to the output directory. */
  | { readonly _tag: "RotationCompleted"; readonly chunkId: bigint; readonly path: string }
  | { readonly _tag: "SessionClosed"; readonly sessionId: number; readonly isAborted: boolean }

export class Events {
  readonly #pubsub: PubSub.PubSub<RelayEvent>
  #subscriberCount = 0

  constructor(pubsub: PubSub.PubSub<RelayEvent>) {
    this.#pubsub = pubsub
  }

  get hasSubscribers(): boolean {
    return this.#subscriberCount > 0
  }

  publish(event: RelayEvent): void {
    if (this.#subscriberCount > 0) PubSub.publishUnsafe(this.#pubsub, event)
  }

  /** Events from now on. */
  get stream(): Stream.Stream<RelayEvent> {
    const subscribed = Effect.acquireRelease(
      Effect.sync(() => {
        this.#subscriberCount++
      }),
      () =>
        Effect.sync(() => {
          this.#subscriberCount--
        })
    )
    return Stream.unwrap(Effect.as(subscribed, Stream.fromPubSub(this.#pubsub)))
  }
}

export const make: Effect.Effect<Events> = Effect.map(
  PubSub.sliding<RelayEvent>(eventCountMax),
  (pubsub) => new Events(pubsub)
)
