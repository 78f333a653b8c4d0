/** What of `src` has run, by V8's own coverage: tells whether inputs have reached something new. */
import { Session } from "node:inspector"

interface ScriptCoverage {
  readonly url: string
  readonly functions: ReadonlyArray<{
    readonly ranges: ReadonlyArray<{ readonly startOffset: number; readonly endOffset: number; readonly count: number }>
  }>
}

export class Coverage {
  readonly #session = new Session()
  readonly #seen = new Set<string>()

  constructor() {
    this.#session.connect()
    this.#session.post("Profiler.enable")
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  }

  get count(): number {
    return this.#seen.size
  }

  /** Ranges that have run since the last call, and never before. */
  get news(): ReadonlySet<string> {
    const fresh = new Set<string>()
    for (const range of this.ran) {
      if (this.#seen.has(range)) continue
      this.#seen.add(range)
      fresh.add(range)
    }
    return fresh
  }

  /** Ranges that have run since the last call. */
  get ran(): ReadonlySet<string> {
    const ran = new Set<string>()
    // In this process the answer comes at once.
    this.#session.post("Profiler.takePreciseCoverage", (failed, taken) => {
      if (failed !== null) throw failed
      for (const { functions, url } of taken.result as ReadonlyArray<ScriptCoverage>) {
        if (!url.includes("/src/")) continue
        for (const { ranges } of functions) {
          for (const { count, endOffset, startOffset } of ranges) {
            if (count > 0) ran.add(`${url}:${startOffset}-${endOffset}`)
          }
        }
      }
    })
    return ran
  }

  stop(): void {
    this.#session.disconnect()
  }
}
