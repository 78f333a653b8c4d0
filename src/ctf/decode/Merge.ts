/**
 * The order of several streams (§10): the earliest head first, one without time before all; equal times by rank, which
 * nobody shares. A binary heap; only the head may change, and says so by `settle`.
 */

/** A stream as the order sees it. */
export interface Head {
  /** Of the next item: −∞ and 0 where it has no time. */
  high: number
  low: number
  readonly rank: number
}

const isBefore = (a: Head, b: Head): boolean => {
  if (a.high !== b.high) return a.high < b.high
  if (a.low !== b.low) return a.low < b.low
  return a.rank < b.rank
}

export class Merge<A extends Head> {
  readonly #heap: Array<A> = []

  get head(): A | undefined {
    return this.#heap[0]
  }

  get size(): number {
    return this.#heap.length
  }

  add(item: A): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as A
      if (!isBefore(item, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  /** The head has another time now. */
  settle(): void {
    const heap = this.#heap
    const count = heap.length
    if (count < 2) return
    const item = heap[0] as A
    let at = 0
    while (true) {
      let child = at * 2 + 1
      if (child >= count) break
      const other = child + 1
      if (other < count && isBefore(heap[other] as A, heap[child] as A)) child = other
      const below = heap[child] as A
      if (!isBefore(below, item)) break
      heap[at] = below
      at = child
    }
    heap[at] = item
  }

  /** The head is over. */
  remove(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.settle()
  }
}
