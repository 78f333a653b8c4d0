/**
 * Thins the relay's events out for people: of those that come with every packet it keeps only each stream's newest.
 *
 * A relay stores a hundred thousand packets a second, and a person needs only the sum. Events of one stream keep their
 * order. Pure but for its own memory.
 */
import type { RelayEvent } from "../relay/Events.ts"

type Frequent = Extract<RelayEvent, { readonly _tag: "PacketsStored" | "Beacon" }>

const isFrequent = (event: RelayEvent): event is Frequent => event._tag === "PacketsStored" || event._tag === "Beacon"

/** At most this many events are told in one flush: with more streams they take turns. */
export const flushedCountMax = 128

export class Digest {
  /** The newest event of each kind and stream, by stream (negative for beacons); the one kept longest comes first. */
  readonly #kept = new Map<number, Frequent>()

  /** True: the event is kept until it is flushed, in the place of an older one of its kind and stream. */
  keeps(event: RelayEvent): boolean {
    if (!isFrequent(event)) return false
    // One of each kind, so beacons have keys of their own.
    this.#kept.set(event._tag === "Beacon" ? -event.streamId : event.streamId, event)
    return true
  }

  /** The events to tell for one that was not kept: before an end of a stream or session, what is kept of that. */
  pass(event: RelayEvent): ReadonlyArray<RelayEvent> {
    if (event._tag !== "StreamClosed" && event._tag !== "SessionClosed") return [event]
    const isBefore = ({ sessionId, streamId }: Frequent) =>
      event._tag === "SessionClosed" ? sessionId === event.sessionId : streamId === event.streamId
    return [...this.#take((kept) => isBefore(kept)), event]
  }

  flush(): ReadonlyArray<RelayEvent> {
    let count = 0
    return this.#take(() => count++ < flushedCountMax)
  }

  #take(isTaken: (kept: Frequent) => boolean): ReadonlyArray<RelayEvent> {
    const taken = [...this.#kept].filter(([, kept]) => isTaken(kept))
    for (const [key] of taken) this.#kept.delete(key)
    return taken.map(([, kept]) => kept)
  }
}
