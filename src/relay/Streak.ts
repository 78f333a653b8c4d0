/** Who did something last, and how often in a row before others did. */
export class Streak<A> {
  #last: A | undefined
  /** Times, behind the first. */
  count: number

  /** `count`: of the first, before anybody else has come. */
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
