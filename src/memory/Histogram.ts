/**
 * Counts values by their power of two, at the cost of an increment: what the data path can afford. Bucket `i` counts
 * values up to 2^i that are in no bucket before; the last one also counts all larger values. The owner chooses the
 * unit. Counts are never reset.
 */
const bucketCount = 33
const valueMax = 2 ** (bucketCount - 1)

export class Histogram {
  readonly counts = new Float64Array(bucketCount)
  sum = 0
  count = 0

  /** Adds `times` observations of one value. Negative values, of a clock that was set, count as 0. */
  add(value: number, times = 1): void {
    const whole = value > 0 ? value : 0
    const bucket = whole <= 1 ? 0 : 32 - Math.clz32(Math.ceil(Math.min(whole, valueMax)) - 1)
    this.counts[bucket] = (this.counts[bucket] as number) + times
    this.sum += whole * times
    this.count += times
  }
}
