/**
 * When handshakes begin. They are the dearest thing that a stranger can ask for, so many a second begin, one at a time,
 * each origin in its turn, and so many are under way at once.
 *
 * One that comes to nothing has cost its origin what a good one gets back: who only floods has few, and a site of many
 * targets behind one address has as many as there are.
 */
import { clockMillis, setImmediate, setTimeout } from "../Machine.ts"
import { Credit } from "../model/Credit.ts"
import { ByOrigin } from "./Origins.ts"

/** `begin` or `cutOff` is called, or neither if it is over before. */
export interface Handshake {
  readonly origin: string
  readonly begin: () => void
  /** It has begun, and younger ones need its place. */
  readonly cutOff: () => void
}

export interface Bounds {
  readonly perSecond: number
  readonly burst: number
  /** That come to nothing, of one origin. */
  readonly badPerSecond: number
  readonly badBurst: number
  readonly atOnce: number
}

/** One takes 0.5 to 1 ms of the loop. */
export const handshakesPerSecond = 150
/** At once after a quiet time. */
export const burstCount = 30
/** Of one origin. */
export const badHandshakesPerSecond = 30
export const badBurstCount = 60
/** Some 85 kB each. */
export const underWayCountMax = 256

const defaults: Bounds = {
  perSecond: handshakesPerSecond,
  burst: burstCount,
  badPerSecond: badHandshakesPerSecond,
  badBurst: badBurstCount,
  atOnce: underWayCountMax
}

/** One in a turn of the loop: what waits for it waits for one of them, not for several in a row. */
const tickMillis = 7

/** Origins that are remembered though others wait. */
const rememberedMax = 4096

export class HandshakeTurns {
  readonly #bounds: Bounds
  readonly #waiting = new ByOrigin<Handshake>()
  readonly #begun = new ByOrigin<Handshake>()
  readonly #credits = new Map<string, Credit>()
  readonly #permits: Credit
  #isTimed = false

  constructor(bounds: Bounds = defaults) {
    this.#bounds = bounds
    this.#permits = new Credit(bounds.perSecond, bounds.burst, clockMillis())
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  get begunCount(): number {
    return this.#begun.size
  }

  enter(handshake: Handshake): void {
    this.#waiting.add(handshake.origin, handshake)
    if (this.#isTimed) return
    this.#isTimed = true
    setImmediate(this.#tick)
  }

  /** It ended, well or not, or its connection did before its turn. */
  over(handshake: Handshake, isGood: boolean): void {
    const { origin } = handshake
    if (this.#waiting.delete(origin, handshake) || !this.#begun.delete(origin, handshake) || !isGood) return
    this.#credits.get(origin)?.give()
  }

  readonly #tick = (): void => {
    const now = clockMillis()
    const hasPermit = this.#permits.at(now) >= 1
    const next = hasPermit ? this.#waiting.take((origin) => this.#creditOf(origin, now).at(now) >= 1) : undefined
    if (next !== undefined) {
      this.#permits.spend()
      this.#begin(next, now)
    }
    this.#isTimed = this.#waiting.size > 0
    if (!this.#isTimed || this.#credits.size > rememberedMax) this.#forget(now)
    if (!this.#isTimed) return
    if (next !== undefined && this.#permits.at(now) >= 1) setImmediate(this.#tick)
    else setTimeout(this.#tick, tickMillis).unref()
  }

  #begin(handshake: Handshake, now: number): void {
    this.#creditOf(handshake.origin, now).spend()
    this.#begun.add(handshake.origin, handshake)
    handshake.begin()
    if (this.#begun.size > this.#bounds.atOnce) this.#begun.oldestOfMost?.cutOff()
  }

  #creditOf(origin: string, now: number): Credit {
    const { badBurst, badPerSecond } = this.#bounds
    const known = this.#credits.get(origin)
    if (known !== undefined) return known
    const credit = new Credit(badPerSecond, badBurst, now)
    this.#credits.set(origin, credit)
    return credit
  }

  /** Who has all of it need not be remembered. */
  #forget(now: number): void {
    for (const [origin, credit] of this.#credits) {
      const isFull = credit.at(now) >= this.#bounds.badBurst
      if (isFull && this.#begun.sizeOf(origin) === 0) this.#credits.delete(origin)
    }
  }
}
