/**
 * When handshakes begin. They are the dearest thing that a stranger can ask for, so many a second begin, one at a time,
 * each origin in its turn, in turns of the loop in which others want little; and so many are under way at once.
 *
 * An origin of which many came to nothing, or are under way, has lost its credit: those without share a few a second,
 * of each the oldest and the youngest in turn. So who floods has little, and others notice nothing of it; who stays
 * while a flood behind the same address comes and goes is the oldest soon, who comes after it the youngest; and a site
 * of many targets behind one address has as many as there are.
 */
import { clockMillis, setImmediate, setTimeout } from "../../Machine.ts"
import { Credit } from "../../model/Credit.ts"
import { ByOrigin } from "../Origins.ts"

/** `begin` or `cutOff` is called, or neither if it is over before. */
export interface Handshake {
  readonly origin: string
  readonly begin: () => void
  /** Younger ones need its place. */
  readonly cutOff: () => void
}

export interface Bounds {
  readonly perSecond: number
  readonly burst: number
  /** That come to nothing, of one origin, before it has no credit. */
  readonly badPerSecond: number
  readonly badBurst: number
  /** What more of them would cost is not owed. */
  readonly badDebt: number
  /** Of all origins without credit together. */
  readonly suspectPerSecond: number
  readonly suspectBurst: number
  readonly atOnce: number
}

export interface Options {
  readonly bounds?: Bounds
  /** Otherwise handshakes keep nobody from anything, and those of origins without credit begin like others. */
  readonly isBusy?: (() => boolean) | undefined
}

/** One takes 0.4 to 1 ms of the loop. */
const handshakesPerSecond = 150
/** At once after a quiet time. */
const burstCount = 30
/** Of one origin: somebody with a certificate that is out of date, and tries again each second. */
const badHandshakesPerSecond = 1
const badBurstCount = 10
/** A minute after the last of a flood its address is one like others. */
const badDebtCount = 60
const suspectsPerSecond = 30
const suspectBurstCount = 5
/** Of what a client says in one, its certificates above all: each such piece costs as much again. */
const pieceBytes = 8192
/** Some 85 kB each. */
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

/** Under way of one origin: more do not look like targets that come back. */
const underWayOfOneMax = 128
/** That wait, of one origin without credit. */
export const suspectWaitingMax = 256

/** One in a turn of the loop: what waits for it waits for one of them, not for several in a row. */
const tickMillis = 7
/** A turn in which others took less is a good one to begin in. */
const quietMillis = 0.15
/** There may be none for a long time. */
const patienceMillis = 10

/** Origins that are remembered though others wait. */
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

  /** It ended, well or not, or its connection did before its turn; the client said so many bytes in it. */
  over(handshake: Handshake, isGood: boolean, byteCount = 0): void {
    const { origin } = handshake
    if (this.#waiting.delete(origin, handshake) || !this.#begun.delete(origin, handshake) || isGood) return
    this.disappointed(handshake)
    this.#owe(Math.floor(byteCount / pieceBytes))
  }

  /** Suspects wait for what it cost more than others, for about a second at most. */
  #owe(pieceCount: number): void {
    const isOwing = this.#suspectPermits.at(clockMillis()) <= -this.#bounds.suspectPerSecond
    if (!isOwing) this.#suspectPermits.spend(pieceCount)
  }

  /** It was good, and its connection no use: it cost as much. */
  disappointed({ origin }: Pick<Handshake, "origin">): void {
    const now = clockMillis()
    const credit = this.#creditOf(origin, now)
    if (credit.at(now) > -this.#bounds.badDebt) credit.spend()
  }

  /** What others do in the turn that begins says whether it is a quiet one. */
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

  /** Who has credit comes first. */
  #next(now: number): Handshake | undefined {
    const credited = this.#waiting.take((origin) => !this.#isSuspect(origin, now))
    // What begins while nothing is recorded is not owed later.
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

  /** Who has all of it need not be remembered. */
  #forget(now: number): void {
    for (const [origin, credit] of this.#credits) {
      if (credit.at(now) >= this.#bounds.badBurst) this.#credits.delete(origin)
    }
  }
}
