/**
 * Whether what was carried out of a journal since its last mark has come to something else than a later relay would
 * come to, which goes through it on shadows: those are made, and written, where a file was not. Then what was put down
 * is not marked: an abridged history, of what is there, takes its place.
 */

/** As much as an edge keeps beyond its limit, because it is not marked. */
const bytesMax = 64 * 1024 * 1024

export class Stray {
  isKnown = false
  /** Connections that were ended for what their tracers said: the edge has not said that it has ended them, too. */
  readonly refused = new Set<number>()
  #byteCount = 0

  get is(): boolean {
    return this.isKnown || this.refused.size > 0
  }

  add(byteCount: number): void {
    this.#byteCount += byteCount
  }

  /** More has come since the last mark than its edge may keep, and there is none. */
  get isLong(): boolean {
    return this.is && this.#byteCount > bytesMax
  }

  /** The connection is over at the edge. Whoever goes through that, the edge or a later relay, ends it for the same. */
  ended(connection: number, isByEdge: boolean): void {
    if (this.refused.delete(connection) && !isByEdge) this.isKnown = true
  }

  marked(): void {
    this.isKnown = false
    this.refused.clear()
    this.#byteCount = 0
  }
}
