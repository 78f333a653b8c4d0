/** Dates that outlive a process, on hosts whose clock may not be set when they are made. */
import { clockMillis, wallMillis } from "../../Machine.ts"

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
