/**
 * What the files of a ring held when the stream left them for the next one. This is needed only for streams that an
 * edge's journal brings: their position is written down in place of their packets (`StreamPosition`), and to come to it
 * again, a stream must go through the same files with the same extents.
 */
import type { IndexFile } from "./StreamFile.ts"
import type { FileExtent } from "./StreamPosition.ts"

/** Positions in larger rings do not always list the files: the list would be longer than the packets that it spares. */
const fewCountMax = 256

interface LeftFile<C> {
  readonly offset: number
  /** Undefined: the file has no index. Its record count may still grow by packets whose index comes late. */
  readonly index: IndexFile<C> | undefined
}

export class LeftFiles<C> {
  /** Number of all files that were left, whether anything is kept of them or not. */
  count = 0
  readonly #ringCount: number
  /** Number of the files that were left in earlier trace chunks. */
  #earlierCount = 0
  /** The files of this trace chunk that were left last, as many as the ring has; undefined: nothing is kept. */
  #newest: Array<LeftFile<C>> | undefined

  /** `ringCount`: number of files in the ring; 0: the stream has one file, which it never leaves. */
  constructor(ringCount: number) {
    this.#ringCount = ringCount
  }

  /** Keeps what files held from now on. */
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

  /** The stream enters another trace chunk, where the ring begins anew. */
  begin(): void {
    this.#earlierCount = this.count
    if (this.#newest !== undefined) this.#newest = []
  }

  /** What is kept of the files left, the newest last. */
  get extents(): ReadonlyArray<FileExtent> {
    return (this.#newest ?? []).map(({ index, offset }) => ({ offset, recordCount: index?.recordCount ?? 0 }))
  }

  /** How many files must be left to come to the same place of the ring, with the same of its files written. */
  get enough(): number {
    const count = this.count - this.#earlierCount
    return count <= 2 * this.#ringCount ? count : this.#ringCount + (count % this.#ringCount)
  }

  /** From now on the stream counts as if it had left only `enough`. */
  forget(): void {
    this.count = this.enough
    this.#earlierCount = 0
  }
}
