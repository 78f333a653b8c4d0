/**
 * Judges the silence of a live session. Its tracer owes a sign of life for every stream in each live timer period: long
 * silence means that the target hangs or has vanished without a word, as in a power failure. Pure.
 */

/** Live timer periods of silence after which a session is stalled. */
const stalledPeriodCount = 10
/** The least silence of a stall: a tracer that is held up for a moment has not vanished, however short its timer. */
const stalledMillisMin = 5000
/** Silence after which a session is ended, even if no other of its name has come; at least twice that of a stall. */
const overMillis = 120_000

export type Verdict = "heard" | "stalled" | "over"

export class Silence {
  readonly #stalledMillis: number
  #life = Number.NaN
  /** When the session was heard last, in ms. */
  sinceMillis = 0

  constructor(periodMillis: number) {
    this.#stalledMillis = Math.max(stalledPeriodCount * periodMillis, stalledMillisMin)
  }

  /** `life` must change whenever something was heard; a session that is not `isExpected` to speak is never silent. */
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
