/** Allows so many a second, and after a quiet time a burst at once. Pure: the caller says what time it is, in ms. */
export class Credit {
  readonly #perSecond: number
  readonly #burst: number
  #count: number
  #atMillis: number

  constructor(perSecond: number, burst: number, nowMillis: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#count = burst
    this.#atMillis = nowMillis
  }

  /** How many may be spent now; negative if more were spent. */
  at(nowMillis: number): number {
    this.give(((nowMillis - this.#atMillis) * this.#perSecond) / 1000)
    this.#atMillis = nowMillis
    return this.#count
  }

  spend(count = 1): void {
    this.#count -= count
  }

  /** Adds to the credit, up to the burst. */
  give(count: number): void {
    this.#count = Math.min(this.#burst, this.#count + count)
  }

  /** Milliseconds from the last `at` until `count` may be spent. */
  millisUntil(count: number): number {
    return Math.max(0, ((count - this.#count) * 1000) / this.#perSecond)
  }
}
