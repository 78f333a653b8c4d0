/**
 * Whether the machine has a processor for one more thread. While this one waits for its turn, another would only take
 * the processor from it, or from the peers it serves.
 */
import { clockMillis, waitedNanos } from "../Machine.ts"

/** How long an answer holds; what was seen longer ago than a few of these says nothing. */
const windowMillis = 50
const staleMillis = 4 * windowMillis

/** Of its time the thread waited for a processor: with one to spare it is next to nothing. */
const waitShareMax = 0.2

export class Contention {
  readonly #waitedNanos: () => number | undefined
  readonly #now: () => number
  #lookedAt = Number.NEGATIVE_INFINITY
  #waited = 0
  #isShort = false

  constructor(waited: () => number | undefined = waitedNanos, now: () => number = clockMillis) {
    this.#waitedNanos = waited
    this.#now = now
  }

  /** True while processors are short. Where the kernel does not say, they never are; nor in the first moment. */
  isShort(): boolean {
    const now = this.#now()
    const millis = now - this.#lookedAt
    if (millis < windowMillis) return this.#isShort
    const waited = this.#waitedNanos()
    if (waited === undefined) {
      // It never will: to ask costs more than an answer is worth.
      this.#lookedAt = Number.POSITIVE_INFINITY
      return false
    }
    this.#isShort = millis < staleMillis ? (waited - this.#waited) / 1e6 > waitShareMax * millis : this.#isShort
    this.#lookedAt = now
    this.#waited = waited
    return this.#isShort
  }
}
