/** Who did something last, and how often in a row before others did. */
export class Streak<A> {
  #last: A | undefined
  /** How often the last one did it again, without others in between. */
  count: number

  /** `count`: what the very first one starts with, as nobody else has come yet; all others start with 0. */
  constructor(count: number) {
    this.count = count
  }

  add(who: A): void {
    if (this.#last === who) this.count++
    else {
      if (this.#last !== undefined) this.count = 0
      this.#last = who
    }
  }
}
