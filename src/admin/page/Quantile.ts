/** Quantiles of observations that are counted in buckets by powers of two. */
import type { Activity } from "./Server.ts"
import * as Values from "./Values.ts"

/** An upper bound, in seconds, of the smallest `share` of the observations (0 to 1): the end of a bucket. */
export const of = ({ counts, count }: Activity["answerMicros"], share: number): number => {
  let rest = share * count
  const at = counts.findIndex((own) => {
    rest -= own
    return rest <= 0
  })
  return count === 0 ? 0 : 2 ** at / 1e6
}

export const micros = (seconds: number): string =>
  seconds < 0.001 ? `${Math.round(seconds * 1e6)} µs` : Values.duration(seconds)
