/** Dates that outlive a process, on hosts whose clock may not be set when they are made, or when they are read. */
import { clockMillis, wallMillis } from "../../Machine.ts"

/** An earlier date is of a clock that was not set. */
const setMillisMin = Date.UTC(2026)

/** ms since the date; undefined: the clock is not set now, or was not set then. */
export const agoOf = (date: number): number | undefined => {
  const ago = wallMillis() - date
  return date < setMillisMin || ago < 0 ? undefined : ago
}

/** Less is no more than what ages are good for. */
const stepMillisMin = 60_000

/** Tells when the wall clock was set. */
export class Setting {
  #ahead = wallMillis() - clockMillis()

  /** Whether it was set since the last call that said so. */
  get isNew(): boolean {
    const ahead = wallMillis() - clockMillis()
    if (Math.abs(ahead - this.#ahead) < stepMillisMin) return false
    this.#ahead = ahead
    return true
  }
}
