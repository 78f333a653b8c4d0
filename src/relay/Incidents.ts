/** Refusals and failures of one relay, by code: told to the log and counted. */
import { type Cause, Effect } from "effect"
import type { Code } from "../errors/Catalogue.ts"
import * as Report from "../errors/Report.ts"

export class Incidents {
  readonly #counts: Map<Code, number>

  /** `counts`: where others count, too. */
  constructor(counts = new Map<Code, number>()) {
    this.#counts = counts
  }

  /** How often each has happened since the relay started. */
  get counts(): ReadonlyMap<Code, number> {
    return this.#counts
  }

  /** Only counts: for what is logged elsewhere. */
  count(code: Code): void {
    Report.count(this.#counts, code)
  }

  /** Counts, then one log line. */
  report(code: Code, detail?: string, cause?: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.count(code)
      return Report.line(code, detail, cause)
    })
  }
}
