/**
 * Where the retained index records of a stream lie (live.md §7.6): consecutive sequence numbers whose records are
 * consecutive in one index file. Its size follows the number of retained files, not the length of the session.
 */
import type { IndexFile } from "./StreamFile.ts"

export interface Run<C> {
  readonly index: IndexFile<C>
  readonly firstSeq: number
  readonly firstRecord: number
  count: number
}

export class Runs<C> {
  #runs: Array<Run<C>> = []

  /** The record `seq`, and as many behind it, are appended to `index`, at the index's current record count. */
  append(index: IndexFile<C>, seq: number, count = 1): void {
    const last = this.#runs.at(-1)
    if (last !== undefined && last.index === index && last.firstSeq + last.count === seq) last.count += count
    else this.#runs.push({ index, firstSeq: seq, firstRecord: index.recordCount, count })
  }

  /** The oldest retained sequence number, or `next` when none is. */
  first(next: number): number {
    return this.#runs[0]?.firstSeq ?? next
  }

  /** The oldest retained sequence number from `seq` on, or `next` when none is. */
  nextFrom(seq: number, next: number): number {
    if (seq >= next) return next
    if (this.find(seq) !== undefined) return seq
    return this.#runs.find((run) => run.firstSeq > seq)?.firstSeq ?? next
  }

  /** The run holding `seq`. */
  find(seq: number): Run<C> | undefined {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >> 1
      const run = this.#runs[middle] as Run<C>
      if (seq < run.firstSeq) high = middle
      else if (seq >= run.firstSeq + run.count) low = middle + 1
      else return run
    }
    return undefined
  }

  /** The tracefile `number` of `chunk` is overwritten. */
  dropFile(number: number, chunk: C): void {
    this.#runs = this.#runs.filter((run) => run.index.data.number !== number || run.index.data.chunk !== chunk)
  }

  /** A rotation to `chunk` is complete: records of other chunks are left behind. */
  keepChunk(chunk: C): void {
    this.#runs = this.#runs.filter((run) => run.index.data.chunk === chunk)
  }

  /** The files of `chunk` are deleted. */
  dropChunk(chunk: C): void {
    this.#runs = this.#runs.filter((run) => run.index.data.chunk !== chunk)
  }

  get count(): number {
    return this.#runs.length
  }
}
