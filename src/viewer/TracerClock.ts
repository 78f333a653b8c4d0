/**
 * A tracer's clock beside ours, by what the relay told and when: it had happened by then. Times in nanoseconds, ours of
 * a steady clock.
 */

/** Clocks of two hosts go equally fast, but for this part. */
const driftShare = 1000n
/** Each trace says by itself what its clock is since the epoch, and is off by some microseconds. */
const marginNanos = 5_000_000n

/** From one time to a later one. */
const driftFrom = (from: bigint, to: bigint): bigint => (to > from ? (to - from) / driftShare : 0n)

export class TracerClock {
  /** The tracer's clock less ours, at least, as of `#atNanos`. */
  #ahead: bigint | undefined
  #atNanos = 0n

  hear(tracerNanos: bigint, nowNanos: bigint): void {
    const ahead = tracerNanos - nowNanos
    if (this.#ahead !== undefined && ahead < this.#ahead - driftFrom(this.#atNanos, nowNanos)) return
    this.#ahead = ahead
    this.#atNanos = nowNanos
  }

  /** What it showed at a time of ours, at least. */
  leastAt(nanos: bigint): bigint | undefined {
    if (this.#ahead === undefined) return undefined
    return nanos + this.#ahead - driftFrom(this.#atNanos, nanos) - marginNanos
  }

  /** When it showed that, at the latest. */
  latestOf(tracerNanos: bigint): bigint | undefined {
    if (this.#ahead === undefined) return undefined
    const nanos = tracerNanos - this.#ahead
    return nanos + driftFrom(this.#atNanos, nanos) + marginNanos
  }
}
