/**
 * Estimates how long ago a record of a journal was heard, from samples of (time, last record). Few samples are kept:
 * the error is at most `errorMax` of the oldest record's age.
 */

interface Mark {
  /** Records up to this one were heard by then. */
  readonly number: number
  readonly millis: number
}

/**
 * An age may be wrong by this part of the oldest one. So even a link that is gone for days leaves few marks: some 512
 * more each time that the oldest record gets 2.7 times as old.
 */
const errorMax = 1 / 512

export class Ages {
  readonly #marks: Array<Mark> = []

  /** Takes a sample: records up to `last` were heard by now. Those up to `gone` will not be asked for any more. */
  look(last: number, gone: number, nowMillis: number): void {
    const marks = this.#marks
    const kept = marks.findIndex(({ number }) => number > gone)
    marks.splice(0, kept < 0 ? marks.length : kept)
    if (last <= Math.max(gone, marks.at(-1)?.number ?? 0)) return
    const oldestMillis = marks[0]?.millis ?? nowMillis
    const isNear = nowMillis - (marks.at(-2)?.millis ?? 0) < (nowMillis - oldestMillis) * errorMax
    // The newest sample is close enough to the one before it: its records count as heard now.
    if (isNear) marks.pop()
    marks.push({ number: last, millis: nowMillis })
  }

  /** Samples that are kept. */
  get size(): number {
    return this.#marks.length
  }

  /** ms since the oldest record after `number` was heard; 0: there is none. */
  beyond(number: number, nowMillis: number): number {
    const mark = this.#marks.find((known) => known.number > number)
    return mark === undefined ? 0 : Math.max(0, nowMillis - mark.millis)
  }
}
