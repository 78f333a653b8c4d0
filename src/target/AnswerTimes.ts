/**
 * How long a relay took to answer, of many answers: kept as counts, sixteen to a doubling, so a quantile is at most 5 %
 * too long. Pure.
 */
const perDoubling = 16
/** From a microsecond to twenty minutes. */
const bucketCount = 30 * perDoubling

export class AnswerTimes {
  readonly #counts = new Float64Array(bucketCount)
  #count = 0

  add(millis: number): void {
    const bucket = Math.ceil(perDoubling * Math.log2(Math.max(1, millis * 1000)))
    const at = Math.min(bucketCount - 1, bucket)
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#count++
  }

  /** Milliseconds that `share` (0 to 1) of the answers took at most; undefined without any. */
  quantile(share: number): number | undefined {
    if (this.#count === 0) return undefined
    let rest = share * this.#count
    let bucket = 0
    while (bucket < bucketCount - 1 && rest > (this.#counts[bucket] as number)) rest -= this.#counts[bucket++] as number
    return 2 ** (bucket / perDoubling) / 1000
  }
}
