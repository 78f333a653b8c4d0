/** So many a second, and after a quiet time a burst of them at once. Pure: the caller says what time it is, in ms. */
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

  /** How many may be spent now; below 0 where more were. */
  at(nowMillis: number): number {
    this.give(((nowMillis - this.#atMillis) * this.#perSecond) / 1000)
    this.#atMillis = nowMillis
    return this.#count
  }

  spend(count = 1): void {
    this.#count -= count
  }

  /** Beyond the burst nothing is kept. */
  give(count: number): void {
    this.#count = Math.min(this.#burst, this.#count + count)
  }

  /** As of the last look: how long until so many may be spent. */
  millisUntil(count: number): number {
    return Math.max(0, ((count - this.#count) * 1000) / this.#perSecond)
  }
}
