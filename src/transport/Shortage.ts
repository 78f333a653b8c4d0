/**
 * Whether the process runs out of descriptors. The system gives the lowest number that is free, so each new one says
 * how many are taken. Once none is left, the runtime closes what it accepts, and nobody hears of it.
 */

/** So few make it short; it is so until so many are free again. */
const leftMin = 4
const leftAgainMin = 32

export class Shortage {
  readonly countMax: number
  #isTold = false

  /** `countMax`: as many as the process may have. */
  constructor(countMax: number) {
    this.countMax = countMax
  }

  /** `descriptor` was given just now; true: with it a shortage begins. */
  begins(descriptor: number): boolean {
    const leftMax = this.countMax - 1 - descriptor
    if (leftMax >= leftAgainMin) this.#isTold = false
    if (leftMax > leftMin || this.#isTold) return false
    this.#isTold = true
    return true
  }
}
