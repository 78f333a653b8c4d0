/**
 * What one session knows of its viewers: who is attached, what was published since each of them asked, and the newest
 * packets in memory while there is somebody to read them.
 */
import { RecentPackets } from "../memory/RecentPackets.ts"
import { SharedReads } from "./SharedReads.ts"
import type { StreamActor } from "./StreamActor.ts"

/** An attached viewer, as the session sees it. */
export interface Attached {
  /** The streams became visible. */
  readonly published: (streams: ReadonlyArray<StreamActor>) => void
  /** Every stream it still reads, closed ones included. */
  readonly reading: Iterable<StreamActor>
}

export class Viewers {
  readonly #cacheBytes: number
  readonly #attached = new Set<Attached>()
  /** Undefined: nobody is attached, or there is no cache. */
  recent: RecentPackets | undefined
  /** The same for packets read from files. */
  reads: SharedReads | undefined
  /** Grows with every publication and every stream's first packet: a viewer that saw less asks for new streams. */
  publicationCount = 0
  /** How often a stream was found silent for too long (`relay/Beacon`). */
  stallCount = 0

  constructor(cacheBytes: number) {
    this.#cacheBytes = cacheBytes
  }

  get count(): number {
    return this.#attached.size
  }

  attach(viewer: Attached): void {
    this.#attached.add(viewer)
    if (this.#cacheBytes === 0) return
    this.recent ??= new RecentPackets(this.#cacheBytes)
    this.reads ??= new SharedReads(this.#cacheBytes)
  }

  detach(viewer: Attached): void {
    this.#attached.delete(viewer)
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
