/**
 * Measures whether the link is slow enough for packing to pay, over all journals of an edge together.
 *
 * A link that was found slow is measured anew from time to time: once records are packed, a relay that is busy
 * unpacking looks like a slow link from here, and packed records may be too small to measure by.
 */
import { clockMillis } from "../../Machine.ts"

/** Bytes a millisecond: more than most networks. Packing takes a processor for that, here and at the relay. */
const quickRate = 200 * 1024

/** Of what is measured, so much is forgotten each time: a relay that pauses for a moment is no slow link. */
const forgotten = 1 / 64

/** What is sent at once says nothing of the link. */
const sampleBytesMin = 32 * 1024
/** A moment in which the system takes all says little beside one in which it does not. */
const sampleMillisMin = 0.05

/** How long it is taken for slow, before it is measured anew: twice as long whenever it still was. */
const trustMillisMin = 2000
const trustMillisMax = 600_000

export class LinkRate {
  #bytes = 0
  #millis = 0
  #waitedUntil = Number.NEGATIVE_INFINITY
  #slowSince: number | undefined
  #doubtedAt = Number.NEGATIVE_INFINITY
  #trustMillis = trustMillisMin

  sent(byteCount: number): void {
    // What is packed may be little.
    if (byteCount < sampleBytesMin) return
    this.#bytes = this.#bytes * (1 - forgotten) + byteCount
    this.#millis = this.#millis * (1 - forgotten) + sampleMillisMin
  }

  /** A journal has waited for the link since then: what several wait for at once is one time. */
  waited(since: number): void {
    const now = clockMillis()
    this.#millis += now - Math.max(since, this.#waitedUntil)
    this.#waitedUntil = now
  }

  /** Bytes a millisecond of a link that is slow; undefined: it is quick, or nobody knows. */
  get slow(): number | undefined {
    const rate = this.#bytes / this.#millis
    if (this.#bytes === 0 || rate >= quickRate) {
      this.#slowSince = undefined
      return undefined
    }
    const now = clockMillis()
    if (this.#slowSince === undefined) {
      const wasSo = now - this.#doubtedAt < this.#trustMillis
      this.#trustMillis = wasSo ? Math.min(trustMillisMax, 2 * this.#trustMillis) : trustMillisMin
      this.#slowSince = now
    }
    if (now - this.#slowSince < this.#trustMillis) return rate
    this.#doubtedAt = now
    this.#slowSince = undefined
    this.#bytes = 0
    this.#millis = 0
    return undefined
  }
}
