/**
 * Which lines of the log are said, and which are only counted: a peer that does the same wrong thing a thousand times a
 * second must not fill a disk, nor hide what else is said. Pure but for the given clock.
 *
 * Lines are alike if they differ in numbers only. Of those that are alike the first few in an interval are said; the
 * others are counted, and their number is told at the interval's end. Peers choose names, so lines of one kind may all
 * be unlike: there is a bound for all lines of one code, too.
 */

export const intervalMillis = 10_000
export const saidCountMax = 10
/** Lines of one code that are said in an interval, however unlike they are. */
export const saidOfCodeCountMax = 100
/** Kinds of lines that are remembered; further ones count for their code only. */
const kindCountMax = 512

interface Alike {
  readonly beganAt: number
  count: number
}

export type Verdict = "say" | "count" | "count the first"

export const likeness = (text: string): string => text.replaceAll(/\d+/g, "0")

export class Repeats {
  readonly #countMax: number
  readonly #all = new Map<string, Alike>()

  /** `countMax` lines that are alike are said in an interval. */
  constructor(countMax = saidCountMax) {
    this.#countMax = countMax
  }

  /** `key` is that of all lines that are alike. After "count the first", call `leftOut` an interval later. */
  take(key: string, nowMillis: number): Verdict {
    const known = this.#all.get(key)
    // If lines were left out, the interval goes on until `leftOut` is asked for.
    const isOver = known !== undefined && nowMillis - known.beganAt >= intervalMillis && known.count <= this.#countMax
    if (known === undefined || isOver) {
      if (known === undefined && !this.#hasRoom(nowMillis)) return "say"
      this.#all.set(key, { beganAt: nowMillis, count: 1 })
      return "say"
    }
    known.count++
    if (known.count <= this.#countMax) return "say"
    return known.count === this.#countMax + 1 ? "count the first" : "count"
  }

  /** How many lines were left out in the interval; ends it. */
  leftOut(key: string): number {
    const count = this.#all.get(key)?.count ?? 0
    this.#all.delete(key)
    return Math.max(0, count - this.#countMax)
  }

  #hasRoom(nowMillis: number): boolean {
    if (this.#all.size < kindCountMax) return true
    for (const [key, { beganAt, count }] of this.#all) {
      if (nowMillis - beganAt >= intervalMillis && count <= this.#countMax) this.#all.delete(key)
    }
    return this.#all.size < kindCountMax
  }
}
