/** Streams that a tracer has begun to tell of: added, and not published by `STREAMS_SENT` yet (streaming.md §6.3). */
import { Effect } from "effect"
import { clockMillis } from "../../Machine.ts"
import type { StreamActor } from "../stream/StreamActor.ts"

export class Announcement {
  readonly #streams = new Set<StreamActor>()
  /** `ADD_STREAM`s that are being carried out. */
  #addingCount = 0
  #sinceMillis = 0

  /** To be called in the turn that reads the command: beacons that come later may have to wait for the stream. */
  adding<A>(add: Effect.Effect<A>): Effect.Effect<A> {
    if (!this.#isUnderWay) this.#sinceMillis = clockMillis()
    this.#addingCount++
    const added = Effect.sync(() => {
      this.#addingCount--
    })
    return Effect.ensuring(add, added)
  }

  get #isUnderWay(): boolean {
    return this.#addingCount > 0 || this.#streams.size > 0
  }

  /** ms of the relay's clock since when streams are being announced; undefined: none are. */
  get sinceMillis(): number | undefined {
    return this.#isUnderWay ? this.#sinceMillis : undefined
  }

  add(stream: StreamActor): void {
    this.#streams.add(stream)
  }

  remove(stream: StreamActor): void {
    this.#streams.delete(stream)
  }

  /** Answers the streams to publish, and forgets them. */
  take(): ReadonlyArray<StreamActor> {
    const streams = [...this.#streams]
    this.#streams.clear()
    return streams
  }
}
