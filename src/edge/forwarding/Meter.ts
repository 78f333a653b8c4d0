/** How fast an edge is, and how far behind its relay, from a look at it each second. */
import { agoOf, clockMillis } from "../../Machine.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Spool } from "../spool/Spool.ts"
import { Ages } from "./Ages.ts"
import type { LinkState } from "./LinkState.ts"

interface Look {
  readonly millis: number
  readonly heardByteCount: number
  readonly sentByteCount: number
}

/** Rates are averages over so many looks. */
const lookCount = 10

export class Meter {
  readonly #spool: Spool
  readonly #link: LinkState
  readonly #ages = new WeakMap<Journal, Ages>()
  /** An earlier process began them, on a date that says nothing as long as the clock is not set. */
  readonly #undated = new WeakSet<Journal>()
  readonly #looks: Array<Look> = []

  constructor(spool: Spool, link: LinkState) {
    this.#spool = spool
    this.#link = link
    this.look()
  }

  /** By a monotonic clock. */
  look(): void {
    const nowMillis = clockMillis()
    const { heardByteCount, journals } = this.#spool
    this.#looks.push({ millis: nowMillis, heardByteCount, sentByteCount: this.#link.sentByteCount })
    if (this.#looks.length > lookCount) this.#looks.shift()
    for (const journal of journals.values()) this.#agesOf(journal)?.look(journal.last, journal.durable, nowMillis)
  }

  /** Undefined: an earlier process left it, and it is being read. */
  #agesOf(journal: Journal): Ages | undefined {
    if (!journal.isScanned) return undefined
    const known = this.#ages.get(journal)
    const ago = journal.isRecovered ? agoOf(journal.about.createdMillis) : undefined
    const isDated = ago !== undefined && this.#undated.delete(journal)
    if (known !== undefined && !isDated) return known
    const ages = new Ages()
    // An earlier process heard these, and it is not known when.
    if (journal.isRecovered) {
      ages.look(journal.last, 0, clockMillis() - (ago ?? 0))
      if (ago === undefined) this.#undated.add(journal)
    }
    this.#ages.set(journal, ages)
    return ages
  }

  #rate(of: "heardByteCount" | "sentByteCount"): number {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)]
    if (first === undefined || last === undefined || last.millis <= first.millis) return 0
    return Math.round(((last[of] - first[of]) * 1000) / (last.millis - first.millis))
  }

  get heardBytesPerSecond(): number {
    return this.#rate("heardByteCount")
  }

  get sentBytesPerSecond(): number {
    return this.#rate("sentByteCount")
  }

  /** ms since the oldest record that the edge keeps was heard. */
  oldestMillisOf(journal: Journal): number {
    return this.#agesOf(journal)?.beyond(journal.durable, clockMillis()) ?? 0
  }

  /** The same for records that the relay has not carried out. */
  lagMillisOf(journal: Journal): number {
    return this.#agesOf(journal)?.beyond(journal.received, clockMillis()) ?? 0
  }
}
