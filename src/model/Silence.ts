/**
 * A live session that says nothing. Its tracer owes a sign of life for every stream each live timer period: silence for
 * long is a target that hangs or has vanished without a word, as with its power. Pure.
 */

/** Live timer periods of silence after which a session is stalled. */
const stalledPeriodCount = 10
/** A tracer that is held up for a moment is none that has vanished, however short its timer. */
const stalledMillisMin = 5000
/** Silence after which a session is ended, even if no other of its name has come. */
const overMillis = 120_000

export type Verdict = "heard" | "stalled" | "over"

export class Silence {
  readonly #stalledMillis: number
  #life = Number.NaN
  /** When it was heard last. */
  sinceMillis = 0

  constructor(periodMillis: number) {
    this.#stalledMillis = Math.max(stalledPeriodCount * periodMillis, stalledMillisMin)
  }

  /** `life` is another number whenever something was heard; what is not `isExpected` to speak is never silent. */
  look(life: number, isExpected: boolean, nowMillis: number): Verdict {
    if (life !== this.#life || !isExpected) {
      this.#life = life
      this.sinceMillis = nowMillis
      return "heard"
    }
    const silentMillis = nowMillis - this.sinceMillis
    if (silentMillis < this.#stalledMillis) return "heard"
    return silentMillis < Math.max(overMillis, 2 * this.#stalledMillis) ? "stalled" : "over"
  }
}
