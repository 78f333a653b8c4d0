/**
 * How far a quiet stream's time may be told.
 *
 * A beacon says that nothing older than its timestamp will come from its stream. If viewers were told at once, the
 * first packet of a stream that a new application has just begun, and the tracer has not announced yet, could begin
 * before that time: viewers end on this, unless they go by events. How much later the tracer announces it, with some
 * allowance, is the _hold_ (`Lead`). The time a hold before the beacon is told at once, the beacon itself a hold
 * later. So an event waits at most for the next beacon, or two holds. There are only these two steps, because viewers
 * ask again at once after every new time. No clock here: the caller says what time it is, in milliseconds.
 */

/** What is told advances by at least this part of the hold. */
const stepShare = 0.25

/** How long a beacon is kept back (`Lead`). */
export interface Hold {
  readonly holdMillis: number
  /** The same for viewers that go by events. */
  readonly eventHoldMillis: number
}

interface Heard {
  readonly timestamp: bigint
  readonly atMillis: number
}

export class Inactivity {
  readonly #hold: Hold
  #ripe: bigint | undefined
  /** Beacons that are kept back, the oldest first; a handful. */
  readonly #held: Array<Heard> = []

  constructor(hold: Hold) {
    this.#hold = hold
  }

  /** The newest beacon's timestamp; undefined: none has come since something else was heard. */
  get newest(): bigint | undefined {
    return this.#held.at(-1)?.timestamp ?? this.#ripe
  }

  hear(timestamp: bigint, nowMillis: number): void {
    const held = this.#held
    this.#ripen(nowMillis)
    const last = held.length - 1
    const gap = last < 1 ? Number.POSITIVE_INFINITY : (held[last]?.atMillis ?? 0) - (held[last - 1]?.atMillis ?? 0)
    held[gap < this.#hold.holdMillis * stepShare ? last : held.length] = { timestamp, atMillis: nowMillis }
  }

  /** The stream is not quiet any more. */
  forget(): void {
    this.#ripe = undefined
    this.#held.length = 0
  }

  /** The time that may be told now; undefined: none. */
  until(nowMillis: number): bigint | undefined {
    this.#ripen(nowMillis)
    return this.#ripe
  }

  /**
   * The time that may be told before the newest beacon is ripe: a hold before that beacon. Undefined unless it is so
   * much later than what is ripe that it is worth a step.
   */
  early(nowMillis: number, cyclesPerMilli: number): bigint | undefined {
    this.#ripen(nowMillis)
    const newest = this.#held.at(-1)
    if (newest === undefined) return undefined
    const hold = this.#hold.holdMillis * cyclesPerMilli
    const early = newest.timestamp - BigInt(Math.ceil(hold))
    const isWorthIt = this.#ripe === undefined || early - this.#ripe >= BigInt(Math.ceil(hold * stepShare))
    return early > 0n && isWorthIt ? early : undefined
  }

  /** The time that may be told now to a viewer that goes by events: the same two steps, with the shorter hold. */
  ofEvents(nowMillis: number, cyclesPerMilli: number | undefined): bigint | undefined {
    this.#ripen(nowMillis)
    const { eventHoldMillis } = this.#hold
    let until = this.#ripe
    for (const { atMillis, timestamp } of this.#held) if (atMillis + eventHoldMillis <= nowMillis) until = timestamp
    const newest = this.#held.at(-1)
    if (newest === undefined || cyclesPerMilli === undefined) return until
    const early = newest.timestamp - BigInt(Math.ceil(eventHoldMillis * cyclesPerMilli))
    return early > 0n && (until === undefined || early > until) ? early : until
  }

  #ripen(nowMillis: number): void {
    while (this.#held.length > 0) {
      const { atMillis, timestamp } = this.#held[0] as Heard
      if (atMillis + this.#hold.holdMillis > nowMillis) return
      this.#ripe = timestamp
      this.#held.shift()
    }
  }
}
