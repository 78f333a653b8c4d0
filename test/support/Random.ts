/** Numbers from a seed: the same for ever. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** Others, that take none of these. */
  fork(): Random {
    return new Random(~this.#state)
  }

  /** In [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** A whole number from 0 on. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<A>(values: ReadonlyArray<A>): A {
    return values[this.below(values.length)] as A
  }

  /** Often 0, sometimes small, seldom large: a rate of faults is drawn for a whole world. */
  rate(most: number): number {
    return this.chance(0.4) ? 0 : most * this.next() ** 3
  }
}
