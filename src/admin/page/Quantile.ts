/** Of observations that were counted by powers of two. */
import type { Activity } from "./Server.ts"
import * as Values from "./Values.ts"

/** Seconds that a share of them stays below: an upper bound, since buckets are powers of two. */
export const of = ({ counts, count }: Activity["answerMicros"], share: number): number => {
  let rest = share * count
  const at = counts.findIndex((own) => {
    rest -= own
    return rest <= 0
  })
  return count === 0 ? 0 : 2 ** Math.max(0, at) / 1e6
}

export const micros = (seconds: number): string =>
  seconds < 0.001 ? `${Math.round(seconds * 1e6)} µs` : Values.duration(seconds)
