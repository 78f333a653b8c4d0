/**
 * How a tracer's clock relates to ours, by what the relay told and when: it had happened by then. Times in nanoseconds,
 * ours of a steady clock.
 */

/** Clocks of two hosts drift apart by at most one part in so many. */
const driftShare = 1000n
/** Each trace tells by itself where its clock is from the epoch, and may be off by some microseconds. */
const marginNanos = 5_000_000n

/** How far the clocks drift apart at most from one time to a later one. */
const driftFrom = (from: bigint, to: bigint): bigint => (to > from ? (to - from) / driftShare : 0n)

export class TracerClock {
  /** What the tracer's clock was ahead of ours, at least, at `#atNanos` of ours. */
  #ahead: bigint | undefined
  #atNanos = 0n

  hear(tracerNanos: bigint, nowNanos: bigint): void {
    const ahead = tracerNanos - nowNanos
    if (this.#ahead !== undefined && ahead < this.#ahead - driftFrom(this.#atNanos, nowNanos)) return
    this.#ahead = ahead
    this.#atNanos = nowNanos
  }

  /** What the tracer's clock showed at `nanos` of ours, at least. */
  leastAt(nanos: bigint): bigint | undefined {
    if (this.#ahead === undefined) return undefined
    return nanos + this.#ahead - driftFrom(this.#atNanos, nanos) - marginNanos
  }

  /** When, on our clock, the tracer's clock showed `tracerNanos`, at the latest. */
  latestOf(tracerNanos: bigint): bigint | undefined {
    if (this.#ahead === undefined) return undefined
    const nanos = tracerNanos - this.#ahead
    return nanos + driftFrom(this.#atNanos, nanos) + marginNanos
  }
}
