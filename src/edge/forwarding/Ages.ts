/**
 * How long ago records of a journal were heard, from looks at how many there are: as exact as looks are near each
 * other, and less for what is old.
 */

interface Mark {
  /** Records up to this one were heard by then. */
  readonly number: number
  readonly millis: number
}

/** Of a link that is gone for days some are enough. */
const markCountMax = 2048

export class Ages {
  #marks: Array<Mark> = []

  /** Up to `last` was heard by now; nobody asks for what is up to `gone` any more. */
  look(last: number, gone: number, nowMillis: number): void {
    if (last > (this.#marks.at(-1)?.number ?? 0)) this.#marks.push({ number: last, millis: nowMillis })
    const kept = this.#marks.findIndex(({ number }) => number > gone)
    this.#marks.splice(0, kept < 0 ? this.#marks.length : kept)
    if (this.#marks.length <= markCountMax) return
    this.#marks = this.#marks.filter((_, at) => at % 2 === 1 || at === this.#marks.length - 1)
  }

  /** ms since the oldest record beyond `number` was heard; 0: there is none. */
  beyond(number: number, nowMillis: number): number {
    const mark = this.#marks.find((known) => known.number > number)
    return mark === undefined ? 0 : Math.max(0, nowMillis - mark.millis)
  }
}
