/**
 * Waiters for the next write to a journal: each is called once, during that write, in the order in which they asked.
 */
export class Growth {
  readonly #waiting: Array<() => void> = []

  /** Calls `then` with the next write; what is written already does not count. */
  when(then: () => void): void {
    this.#waiting.push(then)
  }

  /** Withdraws `then`: it is not called. */
  forget(then: () => void): void {
    const at = this.#waiting.indexOf(then)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  /** More was written: calls those who wait. */
  tell(): void {
    if (this.#waiting.length > 0) for (const then of this.#waiting.splice(0)) then()
  }
}
