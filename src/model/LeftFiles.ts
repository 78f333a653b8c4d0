/**
 * What the files of a ring held when the stream went on to the next one. Only a stream that an edge's journal brings
 * has to know: its position is put down in place of its packets (`StreamPosition`), and to come to it again, the stream
 * must go through the same files with the same extents.
 */
import type { IndexFile } from "./StreamFile.ts"
import type { FileExtent } from "./StreamPosition.ts"

/** Of larger rings not each position has them: the list would be longer than the packets that it spares. */
const fewCountMax = 256

interface LeftFile<C> {
  readonly offset: number
  /** Undefined: nothing in the file was indexed. Its count may still grow, by a packet whose index comes late. */
  readonly index: IndexFile<C> | undefined
}

export class LeftFiles<C> {
  /** All that were ever left, whether anything is kept of them or not. */
  count = 0
  readonly #ringCount: number
  /** Those of trace chunks before. */
  #earlierCount = 0
  /** Of the newest of this trace chunk, as many as the ring has; undefined: nothing is kept. */
  #newest: Array<LeftFile<C>> | undefined

  /** A ring of `ringCount` files; 0: the stream has one file, which it never leaves. */
  constructor(ringCount: number) {
    this.#ringCount = ringCount
  }

  /** From now on it is known what files had. */
  keep(): void {
    this.#newest ??= []
  }

  get isFew(): boolean {
    return this.#newest !== undefined && this.#ringCount <= fewCountMax
  }

  /** The stream leaves a file with `offset` bytes of complete packets. */
  add(offset: number, index: IndexFile<C> | undefined): void {
    this.count++
    const newest = this.#newest
    if (newest === undefined) return
    newest.push({ offset, index })
    if (newest.length > this.#ringCount) newest.shift()
  }

  /** In another trace chunk the ring begins anew. */
  begin(): void {
    this.#earlierCount = this.count
    if (this.#newest !== undefined) this.#newest = []
  }

  /** The newest last. */
  get extents(): ReadonlyArray<FileExtent> {
    return (this.#newest ?? []).map(({ index, offset }) => ({ offset, recordCount: index?.recordCount ?? 0 }))
  }

  /** So many are enough to have left to be in the same place of the ring, with the same files of it written. */
  get enough(): number {
    const count = this.count - this.#earlierCount
    return count <= 2 * this.#ringCount ? count : this.#ringCount + (count % this.#ringCount)
  }

  /** From now on it counts as if it had left no more than that. */
  forget(): void {
    this.count = this.enough
    this.#earlierCount = 0
  }
}
