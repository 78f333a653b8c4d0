/**
 * Decides when handshakes begin. They are the most expensive thing that a stranger can ask for, so only a number of
 * them begins in a second, one at a time, each origin in its turn, in turns of the loop in which others want little;
 * and only a number is under way at once.
 *
 * An origin with many failed handshakes, or many under way, has lost its credit. Origins without credit share a few a
 * second, and of each of them the oldest and the youngest handshake begin in turn. So a flood gets little, and other
 * origins notice nothing of it; a client behind the flood's address that stays is the oldest soon, and one that comes
 * after the flood is the youngest; and a site of many targets behind one address has as many handshakes as it needs.
 */
import { clockMillis, setImmediate, setTimeout } from "../../Machine.ts"
import { Credit } from "../../model/Credit.ts"
import { ByOrigin } from "../Origins.ts"

/** A handshake to be done. `begin` is called in its turn, unless it is over before; `cutOff` before or after that. */
export interface Handshake {
  readonly origin: string
  readonly begin: () => void
  /** Ends the handshake: younger ones need its place. */
  readonly cutOff: () => void
}

export interface Bounds {
  readonly perSecond: number
  readonly burst: number
  /** Failed handshakes of one origin that do not cost it its credit: per second, and at once. */
  readonly badPerSecond: number
  readonly badBurst: number
  /** Most failed handshakes that an origin owes: further ones cost it nothing. */
  readonly badDebt: number
  /** Handshakes that begin for all origins without credit together: per second, and at once. */
  readonly suspectPerSecond: number
  readonly suspectBurst: number
  readonly atOnce: number
}

export interface Options {
  readonly bounds?: Bounds
  /** False: handshakes keep nobody from anything, so those of origins without credit begin like others. */
  readonly isBusy?: (() => boolean) | undefined
}

/** A handshake takes 0.4 to 1 ms of the loop. */
const handshakesPerSecond = 150
/** How many may begin one after the other after a quiet time. */
const burstCount = 30
/** Failures that cost an origin no credit: as of a client with a certificate out of date that tries each second. */
const badHandshakesPerSecond = 1
const badBurstCount = 10
/** With this debt an address has credit again about a minute after the end of a flood. */
const badDebtCount = 60
const suspectsPerSecond = 30
const suspectBurstCount = 5
/** What a client sends in a failed handshake, certificates above all, costs once more for each piece of this size. */
const pieceBytes = 8192
/** Handshakes under way, of some 85 kB of memory each. */
const underWayCountMax = 256

const defaults: Bounds = {
  perSecond: handshakesPerSecond,
  burst: burstCount,
  badPerSecond: badHandshakesPerSecond,
  badBurst: badBurstCount,
  badDebt: badDebtCount,
  suspectPerSecond: suspectsPerSecond,
  suspectBurst: suspectBurstCount,
  atOnce: underWayCountMax
}

/** Handshakes of one origin that may be under way: more do not look like targets that come back. */
const underWayOfOneMax = 128
/** Handshakes of one origin without credit that may wait. */
export const suspectWaitingMax = 256

/** When no handshake may begin now, the next look is after this time, in which a permit accrues. */
const tickMillis = 7
/** A handshake begins in a turn of the loop in which others took less than this. */
const quietMillis = 0.15
/** After this time it begins in any turn: there may be no quiet one for long. */
const patienceMillis = 10

/** With more origins than this, those with full credit are forgotten although handshakes wait. */
const rememberedMax = 4096

export class HandshakeTurns {
  readonly #bounds: Bounds
  readonly #isBusy: () => boolean
  readonly #waiting = new ByOrigin<Handshake>()
  readonly #begun = new ByOrigin<Handshake>()
  readonly #credits = new Map<string, Credit>()
  readonly #permits: Credit
  readonly #suspectPermits: Credit
  #isTimed = false
  #isOldestNext = false
  #lookedAtMillis = 0
  #dueAtMillis = 0

  constructor({ bounds = defaults, isBusy = () => true }: Options = {}) {
    const now = clockMillis()
    this.#bounds = bounds
    this.#isBusy = isBusy
    this.#permits = new Credit(bounds.perSecond, bounds.burst, now)
    this.#suspectPermits = new Credit(bounds.suspectPerSecond, bounds.suspectBurst, now)
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  get begunCount(): number {
    return this.#begun.size
  }

  enter(handshake: Handshake): void {
    const { origin } = handshake
    this.#waiting.add(origin, handshake)
    const now = clockMillis()
    const waitingMax = this.#isSuspect(origin, now) ? suspectWaitingMax : Number.POSITIVE_INFINITY
    if (this.#waiting.sizeOf(origin) > waitingMax) this.#waiting.oldestOf(origin)?.cutOff()
    if (this.#isTimed) return
    this.#isTimed = true
    this.#dueAtMillis = now
    this.#look()
  }

  /** The handshake ended, well or not, or its connection before its turn; the client sent `byteCount` bytes in it. */
  over(handshake: Handshake, isGood: boolean, byteCount = 0): void {
    const { origin } = handshake
    if (this.#waiting.delete(origin, handshake) || !this.#begun.delete(origin, handshake) || isGood) return
    this.disappointed(handshake)
    this.#owe(Math.floor(byteCount / pieceBytes))
  }

  /** Takes what a large failed handshake cost from the permits of origins without credit: up to about a second's. */
  #owe(pieceCount: number): void {
    const isOwing = this.#suspectPermits.at(clockMillis()) <= -this.#bounds.suspectPerSecond
    if (!isOwing) this.#suspectPermits.spend(pieceCount)
  }

  /** A handshake failed, or was good but its connection was no use, which costs its origin as much. */
  disappointed({ origin }: Pick<Handshake, "origin">): void {
    const now = clockMillis()
    const credit = this.#creditOf(origin, now)
    if (credit.at(now) > -this.#bounds.badDebt) credit.spend()
  }

  /** Begins to measure what others do in the next turn of the loop, which says whether it is a quiet one. */
  readonly #look = (): void => {
    this.#lookedAtMillis = clockMillis()
    setImmediate(this.#turn)
  }

  readonly #tick = (): void => {
    this.#dueAtMillis = clockMillis()
    this.#look()
  }

  readonly #turn = (): void => {
    const now = clockMillis()
    const isQuiet = now - this.#lookedAtMillis < quietMillis || now - this.#dueAtMillis >= patienceMillis
    if (!isQuiet && this.#waiting.size > 0) return void setTimeout(this.#look, 1).unref()
    const next = this.#permits.at(now) >= 1 ? this.#next(now) : undefined
    if (next !== undefined) {
      this.#permits.spend()
      this.#begin(next)
    }
    this.#isTimed = this.#waiting.size > 0
    if (!this.#isTimed || this.#credits.size > rememberedMax) this.#forget(now)
    if (!this.#isTimed) return
    if (next !== undefined && this.#permits.at(now) >= 1) this.#tick()
    else setTimeout(this.#tick, tickMillis).unref()
  }

  /** Takes the handshake that is to begin: origins with credit come first. */
  #next(now: number): Handshake | undefined {
    const credited = this.#waiting.take((origin) => !this.#isSuspect(origin, now))
    // What begins while nothing is recorded does not count against later ones.
    const isBounded = this.#isBusy()
    if (credited !== undefined || (isBounded && this.#suspectPermits.at(now) < 1)) return credited
    this.#isOldestNext = !this.#isOldestNext
    const suspect = this.#waiting.take(() => true, this.#isOldestNext ? "oldest" : "youngest")
    if (suspect !== undefined && isBounded) this.#suspectPermits.spend()
    return suspect
  }

  #begin(handshake: Handshake): void {
    this.#begun.add(handshake.origin, handshake)
    handshake.begin()
    if (this.#begun.size > this.#bounds.atOnce) this.#begun.oldestOfMost?.cutOff()
  }

  #isSuspect(origin: string, now: number): boolean {
    const credit = this.#credits.get(origin)
    return (credit !== undefined && credit.at(now) < 1) || this.#begun.sizeOf(origin) > underWayOfOneMax
  }

  #creditOf(origin: string, now: number): Credit {
    const { badBurst, badPerSecond } = this.#bounds
    const known = this.#credits.get(origin)
    if (known !== undefined) return known
    const credit = new Credit(badPerSecond, badBurst, now)
    this.#credits.set(origin, credit)
    return credit
  }

  /** Forgets origins that have all of their credit. */
  #forget(now: number): void {
    for (const [origin, credit] of this.#credits) {
      if (credit.at(now) >= this.#bounds.badBurst) this.#credits.delete(origin)
    }
  }
}
