/**
 * Measures whether the link is slow enough for packing to pay, over all journals of an edge together.
 *
 * A link that was found slow is measured anew from time to time: once records are packed, a relay that is busy
 * unpacking looks like a slow link from here, and packed records may be too small to measure by.
 */
import { clockMillis } from "../../Machine.ts"

/** Bytes a millisecond, faster than most networks: for more, packing would take a whole processor on both sides. */
const quickRate = 200 * 1024

/** This part of the earlier measurement is forgotten each time: one pause of the relay is not a slow link. */
const forgotten = 1 / 64

/** Fewer bytes go into the system's buffer at once, which says nothing about the link. */
const sampleBytesMin = 32 * 1024
/** Time that counts at least, so that a moment in which the system takes everything does not count for much. */
const sampleMillisMin = 0.05

/** How long it counts as slow before it is measured again; twice as long each time that it still is. */
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
    // Packed records may be too small to measure by.
    if (byteCount < sampleBytesMin) return
    this.#bytes = this.#bytes * (1 - forgotten) + byteCount
    this.#millis = this.#millis * (1 - forgotten) + sampleMillisMin
  }

  /** A journal has waited for the link since `then`. Times in which several wait count once. */
  waited(since: number): void {
    const now = clockMillis()
    this.#millis += now - Math.max(since, this.#waitedUntil)
    this.#waitedUntil = now
  }

  /** Bytes a millisecond of a slow link; undefined: it is quick, or not known. */
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
