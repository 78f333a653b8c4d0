/**
 * Whether what was carried out of a journal since its last mark has come to something else than a later relay would
 * come to, which goes through it on shadows: those are made, and written, where a file was not. Then what was put down
 * is not marked: an abridged history, of what is there, takes its place.
 */

/** An edge has to keep what is not marked: not more than this, nor than that share of its spool, but for so much. */
const bytesMax = 64 * 1024 * 1024
const spoolShare = 1 / 8
const bytesMin = 4 * 1024 * 1024

export class Stray {
  isKnown = false
  /** Connections that were ended for what their tracers said: the edge has not said that it has ended them, too. */
  readonly refused = new Set<number>()
  #byteCount = 0

  get is(): boolean {
    return this.isKnown || this.refused.size > 0
  }

  add(byteCount: number): void {
    if (this.is) this.#byteCount += byteCount
  }

  /** More has come since then than its edge should keep. `spoolBytes`: what that may, as far as is known. */
  isLong(spoolBytes = Number.POSITIVE_INFINITY): boolean {
    return this.is && this.#byteCount > Math.min(bytesMax, Math.max(bytesMin, spoolBytes * spoolShare))
  }

  /** The connections that were refused, since their edge has had its time to end them: it will not. */
  unended(): ReadonlyArray<number> {
    const all = [...this.refused]
    if (all.length === 0) return all
    this.refused.clear()
    this.isKnown = true
    this.#byteCount = 0
    return all
  }

  /** The connection is over at the edge. Whoever goes through that, the edge or a later relay, ends it for the same. */
  ended(connection: number, isByEdge: boolean): void {
    if (this.refused.delete(connection) && !isByEdge) this.isKnown = true
    if (!this.is) this.#byteCount = 0
  }

  marked(): void {
    this.isKnown = false
    this.refused.clear()
    this.#byteCount = 0
  }
}
