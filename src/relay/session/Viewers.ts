/**
 * What one session knows of its viewers: which are attached, what was published since each of them asked, and so
 * whether its packets are worth keeping in memory.
 */
import type { RecentPackets } from "../../memory/RecentPackets.ts"
import type { Connection } from "../Connections.ts"
import type { SharedReads } from "../stream/SharedReads.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import type { LiveCache } from "../stream/StreamSession.ts"

/** An attached viewer, as the session sees it. */
export interface Attached {
  readonly connection: Connection
  /** Indexed packets that it has not asked for yet. */
  readonly lagPacketCount: number
  /** ns of trace clock that it is behind in the stream where that is most. */
  readonly lagNanos: number
  /** Called when the streams became visible. */
  readonly published: (streams: ReadonlyArray<StreamActor>) => void
  /** Called when the publication count has grown. */
  readonly raised: () => void
  /** Every stream it still reads, closed ones included. */
  readonly reading: Iterable<StreamActor>
}

export class Viewers {
  readonly #cache: LiveCache | undefined
  readonly #onChange: (change: "ViewerAttached" | "ViewerLeft", count: number) => void
  readonly #attached = new Set<Attached>()
  /** Undefined: nobody is attached, or there is no cache. */
  recent: RecentPackets | undefined
  reads: SharedReads | undefined
  /** Grows with every publication and every stream's first packet: a viewer that saw less asks for new streams. */
  publicationCount = 0
  /** How often a stream was found silent for too long (`relay/session/Beacon`). */
  stallCount = 0

  constructor(
    cache: LiveCache | undefined,
    onChange: (change: "ViewerAttached" | "ViewerLeft", count: number) => void
  ) {
    this.#cache = cache
    this.#onChange = onChange
  }

  get count(): number {
    return this.#attached.size
  }

  attach(viewer: Attached): void {
    this.#attached.add(viewer)
    this.recent = this.#cache?.recent
    this.reads = this.#cache?.reads
    this.#onChange("ViewerAttached", this.count)
  }

  detach(viewer: Attached): void {
    if (!this.#attached.delete(viewer)) return
    this.#onChange("ViewerLeft", this.count)
    if (this.#attached.size > 0) return
    this.recent = undefined
    this.reads = undefined
  }

  publish(streams: ReadonlyArray<StreamActor>): void {
    for (const viewer of this.#attached) viewer.published(streams)
    this.raise()
  }

  raise(): void {
    this.publicationCount++
    for (const viewer of this.#attached) viewer.raised()
  }

  get attached(): Iterable<Attached> {
    return this.#attached
  }

  /** Streams that are closed but not read to their end. */
  get closedStreamCount(): number {
    const closed = new Set<StreamActor>()
    for (const viewer of this.#attached) {
      for (const stream of viewer.reading) if (stream.model.isClosed) closed.add(stream)
    }
    return closed.size
  }
}
