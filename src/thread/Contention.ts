/**
 * Whether the machine has a processor for one more thread. If the calling thread waits for a processor, another thread
 * would only take one from it, or from the peers it serves. A thread of high priority waits for nobody; then others
 * wait instead, and more threads are runnable than there are processors.
 */
import { cpus } from "node:os"
import { clockMillis, runnableCount, waitedNanos } from "../Machine.ts"

/** How long an answer holds. A look that is longer ago than a few of these is not compared with. */
const windowMillis = 50
const staleMillis = 4 * windowMillis

/** Share of its time that the thread may wait for a processor: with one to spare it waits next to nothing. */
const waitShareMax = 0.2

/** Runnable threads beyond one per processor, averaged: the last look has half the weight, as one look says little. */
const surplusMax = 0.5

/** What the kernel says: `waitedNanos` in ns so far; undefined where it says nothing. */
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

  /** True while processors are short. False where the kernel does not say, and at the first look. */
  isShort(): boolean {
    const now = this.#now()
    const millis = now - this.#lookedAt
    if (millis < windowMillis) return this.#isShort
    const waited = this.#signs.waitedNanos()
    const runnable = this.#signs.runnableCount()
    if (waited === undefined && runnable === undefined) {
      // The kernel will never say, and asking costs more than an answer is worth.
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
