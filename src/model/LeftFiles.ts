/**
 * What the files of a ring held when the stream went on to the next one. Only a stream that an edge's journal brings
 * has to know: its position is put down in place of its packets (`StreamPosition`), and to come to it again, the stream
 * must go through the same files with the same extents.
 */
import type { IndexFile } from "./StreamFile.ts"
import type { FileExtent } from "./StreamPosition.ts"

/** Of larger rings nothing is kept: the list would be longer than the packets that it spares. */
const countMax = 256

interface LeftFile<C> {
  readonly offset: number
  /** Undefined: nothing in the file was indexed. Its count may still grow, by a packet whose index comes late. */
  readonly index: IndexFile<C> | undefined
}

export class LeftFiles<C> {
  /** All that were ever left, whether anything is kept of them or not. */
  count = 0
  readonly #ringCount: number
  /** Of the newest, as many as the ring has; undefined: nothing is kept. */
  #newest: Array<LeftFile<C>> | undefined

  /** A ring of `ringCount` files; 0: the stream has one file, which it never leaves. */
  constructor(ringCount: number) {
    this.#ringCount = ringCount
  }

  /** From now on it is known what files had, unless there are too many. */
  keep(): void {
    if (this.#ringCount <= countMax) this.#newest ??= []
  }

  get isKept(): boolean {
    return this.#newest !== undefined
  }

  /** The stream leaves a file with `offset` bytes of complete packets. */
  add(offset: number, index: IndexFile<C> | undefined): void {
    this.count++
    const newest = this.#newest
    if (newest === undefined) return
    newest.push({ offset, index })
    if (newest.length > this.#ringCount) newest.shift()
  }

  /** The newest last. */
  get extents(): ReadonlyArray<FileExtent> {
    return (this.#newest ?? []).map(({ index, offset }) => ({ offset, recordCount: index?.recordCount ?? 0 }))
  }
}
