/**
 * The order of several streams (§10): the earliest head first, one without time before all; equal times by rank, which
 * is unique. A binary heap, in which only the head may change its time; `settle` must be called then.
 */

/** A stream as the order sees it. */
export interface Head {
  /** Time of the next item, ns in two halves of 32 bits; −∞ and 0 if it has none. */
  high: number
  low: number
  /** Unique. Among items of the same time the lowest comes first. */
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

  /** Puts the head in order, after its time has changed. */
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

  /** Removes the head, which has no more items. */
  remove(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.settle()
  }
}
