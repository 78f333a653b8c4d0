/** What is written is made stable some time later, together with what came meanwhile (`SyncPlan.intervalMillis`). */
import { setTimeout } from "../../Machine.ts"

export class SyncTimer {
  readonly #millis: number | undefined
  readonly #onTime: () => void
  #isSet = false

  /** `onTime` is called `millis` after `set`; without `millis` never. */
  constructor(millis: number | undefined, onTime: () => void) {
    this.#millis = millis
    this.#onTime = onTime
  }

  /** To be called when something was written that is not stable yet. */
  set(): void {
    if (this.#millis === undefined || this.#isSet) return
    this.#isSet = true
    setTimeout(this.#end, this.#millis).unref()
  }

  readonly #end = (): void => {
    this.#isSet = false
    this.#onTime()
  }
}
