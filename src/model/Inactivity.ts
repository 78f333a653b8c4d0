/**
 * How far a quiet stream's time may be told.
 *
 * A beacon says that nothing older than its timestamp will come from its stream. If viewers were told at once, the
 * first packet of a stream that has begun, and that the tracer has not announced yet, could begin before that time:
 * viewers end on this. How much later the tracer announces it, with some allowance, is the _hold_ (`Lead`). The time a
 * hold before the beacon is told at once, the beacon itself a hold later. So an event waits at most for the next
 * beacon, or two holds. There are only these two steps, because viewers ask again at once after every new time. No
 * clock here: the caller says what time it is, in milliseconds.
 *
 * Where nothing happens in a stream before it is announced, its first packet begins later for viewers
 * (`relay/viewer/LateBegin`), and the hold is short.
 */

/** What is told advances by at least this part of the hold. */
const stepShare = 0.25

/** How long a beacon is kept back (`Lead`). */
export interface Hold {
  readonly holdMillis: number
  /** The same where nothing happens in a stream before it is announced. */
  readonly shortHoldMillis: number
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

  /**
   * The time that may be told now where nothing happens in a stream before it is announced: the same two steps, with
   * the shorter hold. `shownUntil`: what the viewer may have shown already; what is told early is later.
   */
  soon(nowMillis: number, cyclesPerMilli: number | undefined, shownUntil: number): bigint | undefined {
    this.#ripen(nowMillis)
    const { shortHoldMillis } = this.#hold
    let until = this.#ripe
    for (const { atMillis, timestamp } of this.#held) if (atMillis + shortHoldMillis <= nowMillis) until = timestamp
    const newest = this.#held.at(-1)
    if (newest === undefined || cyclesPerMilli === undefined) return until
    const early = newest.timestamp - BigInt(Math.ceil(shortHoldMillis * cyclesPerMilli))
    return Number(early) > shownUntil && (until === undefined || early > until) ? early : until
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
