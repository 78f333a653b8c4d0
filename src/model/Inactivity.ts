/**
 * How far a quiet stream's time may be told.
 *
 * A beacon says that nothing older than its timestamp will come from its stream. Told at once, it would be past the
 * first packet of a stream that a new application has just begun and the tracer has not announced yet: viewers end on
 * that. The tracer announces within milliseconds, a busy one within some hundred; so a beacon is told that much later,
 * when whatever began before it is known. No clock here: times are whoever calls' own, in milliseconds.
 */

/** Of the live timer: a stream's time is told within one and a half periods, however the beacons fall. */
const holdShare = 0.5
/** A tracer needs its time however short the timer is. */
const holdMillisMin = 100
/** And no more than this however long it is. */
const holdMillisMax = 1000
/** Beacons that come faster than this part of the hold are not told one by one. */
const stepShare = 0.25

/** For how long a beacon is kept back. */
export const holdMillisOf = (liveTimerMicros: number): number =>
  Math.min(holdMillisMax, Math.max(holdMillisMin, (liveTimerMicros / 1000) * holdShare))

interface Heard {
  readonly timestamp: bigint
  readonly atMillis: number
}

export class Inactivity {
  readonly #holdMillis: number
  #ripe: bigint | undefined
  /** Oldest first; a handful. */
  readonly #held: Array<Heard> = []

  constructor(holdMillis: number) {
    this.#holdMillis = holdMillis
  }

  /** The newest beacon's timestamp. Undefined: none since something else was heard. */
  get newest(): bigint | undefined {
    return this.#held.at(-1)?.timestamp ?? this.#ripe
  }

  hear(timestamp: bigint, nowMillis: number): void {
    const held = this.#held
    this.#ripen(nowMillis)
    const last = held.length - 1
    const gap = last < 1 ? Number.POSITIVE_INFINITY : (held[last]?.atMillis ?? 0) - (held[last - 1]?.atMillis ?? 0)
    held[gap < this.#holdMillis * stepShare ? last : held.length] = { timestamp, atMillis: nowMillis }
  }

  /** The stream is not quiet any more. */
  forget(): void {
    this.#ripe = undefined
    this.#held.length = 0
  }

  /** What may be told now. */
  until(nowMillis: number): bigint | undefined {
    this.#ripen(nowMillis)
    return this.#ripe
  }

  #ripen(nowMillis: number): void {
    while (this.#held.length > 0) {
      const { atMillis, timestamp } = this.#held[0] as Heard
      if (atMillis + this.#holdMillis > nowMillis) return
      this.#ripe = timestamp
      this.#held.shift()
    }
  }
}
