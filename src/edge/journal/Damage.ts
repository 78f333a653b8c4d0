/** The damage of a journal that is known: which of its records are not as they were written. */
import type { Lost } from "./History.ts"
import type { Altered } from "./Unhandled.ts"

/** What one examination found. */
export interface Looked {
  /** One line for each place, for the log. */
  readonly damage: ReadonlyArray<string>
  readonly skipped: ReadonlyMap<number, Lost | undefined>
  readonly altered: ReadonlyMap<number, Altered>
}

export class Damage {
  /** Numbers of records that cannot be read, and of those that mean nothing without them. */
  readonly skipped = new Map<number, Lost | undefined>()
  /** Records of which others are sent. */
  readonly altered = new Map<number, Altered>()
  /** Records that were left out, or altered, on the way to the relay. */
  readonly unsent = new Set<number>()
  /** All damage up to this record is known. */
  examined = 0
  readonly #lines = new Set<string>()

  /** All up to the record `until` was examined; answers the lines that are new. */
  learn({ altered, damage, skipped }: Looked, until: number): ReadonlyArray<string> {
    const news = damage.filter((line) => !this.#lines.has(line))
    for (const line of news) this.#lines.add(line)
    for (const [number, lost] of skipped) this.skipped.set(number, lost)
    for (const [number, alter] of altered) this.altered.set(number, alter)
    this.examined = Math.max(this.examined, until)
    return news
  }
}
