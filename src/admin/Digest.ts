/**
 * The relay's events for people: of what happens with every packet only the newest of each stream, now and then.
 *
 * A relay stores a hundred thousand packets a second; who looks on needs the sum. Events of one stream keep their
 * order. Pure but for its own memory.
 */
import type { RelayEvent } from "../relay/Events.ts"

type Frequent = Extract<RelayEvent, { readonly _tag: "PacketsStored" | "Beacon" }>

const isFrequent = (event: RelayEvent): event is Frequent => event._tag === "PacketsStored" || event._tag === "Beacon"

/** More streams than this take turns. */
export const flushedCountMax = 128

export class Digest {
  /** The newest of each kind and stream, the one that has waited longest first. */
  readonly #kept = new Map<number, Frequent>()

  /** True: it is kept until `flush`, in the place of an older one. */
  keeps(event: RelayEvent): boolean {
    if (!isFrequent(event)) return false
    // Of either kind one.
    this.#kept.set(event._tag === "Beacon" ? -event.streamId : event.streamId, event)
    return true
  }

  /** One that was not kept, behind those that came before it from where it comes from. */
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
