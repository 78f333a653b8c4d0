/**
 * The files a stream with bounded tracefiles writes in turn (streaming.md §7.3): which number is next, and which older
 * file it overwrites. Each trace chunk has a ring of its own, which begins at number 0.
 */
import type { DataFile } from "./StreamFile.ts"

export class TracefileRing<C> {
  /** Number 0 was written a second time: from now on every file that is opened replaces one. */
  hasWrapped = false

  readonly #count: number
  /** The newest file of each number. */
  readonly #files: Array<DataFile<C> | undefined> = []

  constructor(count: number) {
    this.#count = count
  }

  /** The first file of a chunk; the ring of the previous chunk stays as it is. */
  start(chunk: C): DataFile<C> {
    this.#files.length = 0
    this.hasWrapped = false
    return this.#make(chunk, 0)
  }

  /** The file after `old`, in the same chunk. What had its number is overwritten. */
  next(old: DataFile<C>): DataFile<C> {
    const number = (old.number + 1) % this.#count
    if (number <= old.number) this.hasWrapped = true
    const overwritten = this.#files[number]
    if (overwritten !== undefined) overwritten.isOverwritten = true
    return this.#make(old.chunk, number)
  }

  /** A file in the place of `old`, which is overwritten from its beginning: for metadata, which has one file. */
  startAgain(old: DataFile<C>): DataFile<C> {
    old.isOverwritten = true
    return this.#make(old.chunk, 0)
  }

  #make(chunk: C, number: number): DataFile<C> {
    const file = { chunk, number, isOverwritten: false }
    this.#files[number] = file
    return file
  }
}
