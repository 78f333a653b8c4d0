/**
 * Where the retained index records of a stream lie (live.md §7.6), as runs: consecutive sequence numbers whose records
 * are consecutive in one index file. There are about as many runs as retained files, however long the session is.
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

  /** Notes that `count` records from `seq` on are appended to `index`, at its current record count. */
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

  /** Forgets the records of tracefile `number` of `chunk`, which is overwritten. */
  dropFile(number: number, chunk: C): void {
    this.#runs = this.#runs.filter((run) => run.index.data.number !== number || run.index.data.chunk !== chunk)
  }

  /** Keeps only the records of `chunk`: a rotation to it is complete. */
  keepChunk(chunk: C): void {
    this.#runs = this.#runs.filter((run) => run.index.data.chunk === chunk)
  }

  /** Forgets the records of `chunk`, whose files are deleted. */
  dropChunk(chunk: C): void {
    this.#runs = this.#runs.filter((run) => run.index.data.chunk !== chunk)
  }

  get count(): number {
    return this.#runs.length
  }
}
