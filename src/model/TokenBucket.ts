/**
 * Bounds bytes per second: what is taken beyond the rate is a debt, and until that is paid nothing more should be
 * taken. A quiet time earns only a little in advance, so that the rate holds over every second. Pure.
 */

/** Most time that can be earned in advance: so a late timer or a moment without demand loses nothing. */
const savedMillisMax = 100

export class TokenBucket {
  #bytes = 0
  #atMillis: number

  constructor(nowMillis: number) {
    this.#atMillis = nowMillis
  }

  /** Takes the bytes in any case; answers the ms until no debt is left. */
  take(byteCount: number, bytesPerSecond: number, nowMillis: number): number {
    const earned = ((nowMillis - this.#atMillis) * bytesPerSecond) / 1000
    this.#bytes = Math.min((savedMillisMax * bytesPerSecond) / 1000, this.#bytes + earned) - byteCount
    this.#atMillis = nowMillis
    return this.#bytes >= 0 ? 0 : (-this.#bytes * 1000) / bytesPerSecond
  }
}
