/**
 * What happens in the relay, for programs that embed it. Publishing costs one comparison while nobody listens; a slow
 * subscriber loses the oldest events, and is told how many, but never holds up a stream.
 */
import { Effect, PubSub, Schema, type Scope, Stream } from "effect"

/** Events one subscriber may lag behind: some seconds of a busy relay. */
export const eventCountMax = 4096

const session = { sessionId: Schema.Int }
const stream = { ...session, streamId: Schema.Int }

/** What happens in the relay. Ids are those of `SessionStatus` and `StreamStatus`; paths lie below the output. */
export const RelayEvent = Schema.TaggedUnion({
  /** `outputPath`: the directory of the recording, as in `SessionStatus`; sessions of several domains share it. */
  SessionCreated: { ...session, name: Schema.String, hostname: Schema.String, outputPath: Schema.String },
  /** Nothing was heard of a live session for longer than its target may be silent. */
  SessionStalled: session,
  /** All its files are complete. `isAborted`: its target went without an orderly end, or it was ended. */
  SessionClosed: { ...session, isAborted: Schema.Boolean, outputPath: Schema.String },
  /** `path` is the stream's directory inside its trace chunk. */
  StreamAdded: { ...stream, path: Schema.String, channelName: Schema.String },
  /** Nothing more comes; what came is on its way to the files. */
  StreamClosed: stream,
  /** The stream's files now hold this many packets and bytes in all. One event may stand for many packets. */
  PacketsStored: { ...stream, packetCount: Schema.Int, byteCount: Schema.Int },
  /** Nothing older than `timestampEnd` (trace clock) will come from the stream. */
  Beacon: { ...stream, timestampEnd: Schema.BigInt },
  /** A file could not be written: the session ends. `path` is absolute, `code` the system's (`ENOSPC`, `EIO`, …). */
  WriteFailed: { ...stream, operation: Schema.String, path: Schema.String, code: Schema.String },
  /** A trace chunk of the session was archived; sessions that share it (one per tracing domain) are told once. */
  RotationCompleted: { ...session, chunkId: Schema.BigInt, path: Schema.String },
  /** `viewerCount` includes this one. */
  ViewerAttached: { ...session, viewerCount: Schema.Int },
  /** `viewerCount` are left. */
  ViewerLeft: { ...session, viewerCount: Schema.Int },
  /** This subscriber lags behind: so many events that came before the next one are lost to it. */
  EventsMissed: { count: Schema.Int },
  /** A connection was not let in. `peer` is `address:port`. */
  ConnectionRefused: {
    port: Schema.Literals(["control", "data", "live", "http"]),
    peer: Schema.String,
    reason: Schema.Literals(["too many connections", "host refused", "no TLS", "TLS failed", "no proxy header"])
  }
})
export type RelayEvent = typeof RelayEvent.Type

/** 64-bit numbers are strings in it, everything else as it is. */
export const RelayEventJson: Schema.Codec<RelayEvent, Schema.Json> = Schema.toCodecJson(RelayEvent)

/** An event, and how many were published before it; the last one is undefined: subscribers' streams end. */
interface Published {
  readonly event: RelayEvent | undefined
  readonly number: number
}

type Listener = (event: RelayEvent) => void

export class Events {
  /** Called with what a listener throws; that listener hears nothing more. */
  onDefect: (defect: unknown) => void = () => {}
  readonly #pubsub: PubSub.PubSub<Published>
  readonly #listeners = new Set<Listener>()
  #subscriberCount = 0
  #publishedCount = 0
  /** Goes up with whatever is told, whether somebody listens or not. */
  changeCount = 0
  #isOver = false

  constructor(pubsub: PubSub.PubSub<Published>) {
    this.#pubsub = pubsub
  }

  get hasSubscribers(): boolean {
    return this.#subscriberCount > 0 || this.#listeners.size > 0
  }

  publish(event: RelayEvent): void {
    this.changeCount++
    if (this.#subscriberCount > 0) this.#publish(event)
    for (const listener of this.#listeners) this.#tell(listener, event)
  }

  #publish(event: RelayEvent | undefined): void {
    const published: Published = { event, number: this.#publishedCount++ }
    // That takes none when it is full: only the effect makes room.
    if (!PubSub.publishUnsafe(this.#pubsub, published)) Effect.runSync(PubSub.publish(this.#pubsub, published))
  }

  /** A listener that throws must not disturb what it is told of. */
  #tell(listener: Listener, event: RelayEvent): void {
    try {
      listener(event)
    } catch (defect) {
      this.#listeners.delete(listener)
      this.onDefect(defect)
    }
  }

  /** Streams end after what was published before. */
  end(): void {
    this.#isOver = true
    this.#publish(undefined)
  }

  /** Calls `listener` when something happens, in that turn, while the scope is open: it must not take long. */
  heard(listener: Listener): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => {
          // A listener that is given twice is called twice, each time until that scope closes.
          const own: Listener = (event) => listener(event)
          this.#listeners.add(own)
          return own
        }),
        (own) => Effect.sync(() => this.#listeners.delete(own))
      )
    )
  }

  /** Events from now on, to the end of the relay. */
  get stream(): Stream.Stream<RelayEvent> {
    const counted = Effect.acquireRelease(
      Effect.sync(() => {
        this.#subscriberCount++
      }),
      () =>
        Effect.sync(() => {
          this.#subscriberCount--
        })
    )
    return Stream.unwrap(
      Effect.map(Effect.andThen(counted, PubSub.subscribe(this.#pubsub)), (subscription) => {
        if (this.#isOver) return Stream.empty
        const due = this.#publishedCount
        const heard = Stream.mapAccum(Stream.fromSubscription(subscription), () => due, tellMissed)
        return Stream.takeWhile(heard, (event) => event !== undefined)
      })
    )
  }
}

const tellMissed = (due: number, { event, number }: Published) => {
  const count = number - due
  const events: ReadonlyArray<RelayEvent | undefined> = count > 0 ? [{ _tag: "EventsMissed", count }, event] : [event]
  return [number + 1, events] as const
}

/** When the scope closes, subscribers' streams end. */
export const make: Effect.Effect<Events, never, Scope.Scope> = Effect.acquireRelease(
  Effect.map(PubSub.sliding<Published>(eventCountMax), (pubsub) => new Events(pubsub)),
  (events) => Effect.sync(() => events.end())
)
