/** Refusals and failures of one relay, by code: told to the log and counted. */
import { type Cause, Effect } from "effect"
import type { Code } from "../errors/Catalogue.ts"
import { report } from "../errors/Report.ts"

export class Incidents {
  readonly #counts = new Map<Code, number>()

  /** How often each has happened since the relay started. */
  get counts(): ReadonlyMap<Code, number> {
    return this.#counts
  }

  /** Only counts: for what is logged elsewhere. */
  count(code: Code): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
  }

  /** Counts, then one log line. */
  report(code: Code, detail?: string, cause?: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.count(code)
      return report(code, detail, cause)
    })
  }
}
