/** What of a journal is not as it was written, as far as it was looked at. */
import type { Lost } from "./History.ts"

/** What a look found. */
export interface Looked {
  /** A line for each place. */
  readonly damage: ReadonlyArray<string>
  readonly skipped: ReadonlyMap<number, Lost | undefined>
}

export class Damage {
  /** Numbers of records that cannot be read, and of those that mean nothing without them. */
  readonly skipped = new Map<number, Lost | undefined>()
  /** Up to this record all of it is known. */
  examined = 0
  readonly #lines = new Set<string>()

  /** All up to the record `until` was looked at; answers the lines that are news. */
  learn({ damage, skipped }: Looked, until: number): ReadonlyArray<string> {
    const news = damage.filter((line) => !this.#lines.has(line))
    for (const line of news) this.#lines.add(line)
    for (const [number, lost] of skipped) this.skipped.set(number, lost)
    this.examined = Math.max(this.examined, until)
    return news
  }
}
