/**
 * Whether the machine has a processor for one more thread. If this one waits for its turn, another would only take the
 * processor from it, or from the peers it serves. A thread of high priority waits for nobody; then it is the others
 * who wait, and there are more that could run than processors.
 */
import { cpus } from "node:os"
import { clockMillis, runnableCount, waitedNanos } from "../Machine.ts"

/** How long an answer holds; what was seen longer ago than a few of these says nothing. */
const windowMillis = 50
const staleMillis = 4 * windowMillis

/** Of its time the thread waited for a processor: with one to spare it is next to nothing. */
const waitShareMax = 0.2

/** Threads beyond one for each processor. Half the weight of what is seen is the last look's: one alone says little. */
const surplusMax = 0.5

/** What the system says; undefined where it does not. */
interface Signs {
  readonly waitedNanos: () => number | undefined
  readonly runnableCount: () => number | undefined
  readonly processorCount: number
}

export class Contention {
  readonly #signs: Signs
  readonly #now: () => number
  #lookedAt = Number.NEGATIVE_INFINITY
  #waited = 0
  #runnable = 0
  #isShort = false

  constructor(signs: Signs = { waitedNanos, runnableCount, processorCount: cpus().length }, now = clockMillis) {
    this.#signs = signs
    this.#now = now
  }

  /** True while processors are short. Where the kernel does not say, they never are; nor in the first moment. */
  isShort(): boolean {
    const now = this.#now()
    const millis = now - this.#lookedAt
    if (millis < windowMillis) return this.#isShort
    const waited = this.#signs.waitedNanos()
    const runnable = this.#signs.runnableCount()
    if (waited === undefined && runnable === undefined) {
      // It never will: to ask costs more than an answer is worth.
      this.#lookedAt = Number.POSITIVE_INFINITY
      return false
    }
    this.#look(millis, waited ?? 0, runnable ?? 0)
    this.#lookedAt = now
    return this.#isShort
  }

  #look(millis: number, waited: number, runnable: number): void {
    const isStale = millis >= staleMillis
    const isWaiting = (waited - this.#waited) / 1e6 > waitShareMax * millis
    this.#waited = waited
    this.#runnable = isStale ? runnable : (this.#runnable + runnable) / 2
    if (!isStale) this.#isShort = isWaiting || this.#runnable > this.#signs.processorCount + surplusMax
  }
}
