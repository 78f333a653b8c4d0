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

  /** How many ranges have run since the last call that never had before. */
  get news(): number {
    const before = this.#seen.size
    // In this process the answer comes at once.
    this.#session.post("Profiler.takePreciseCoverage", (failed, taken) => {
      if (failed !== null) throw failed
      for (const { functions, url } of taken.result as ReadonlyArray<ScriptCoverage>) {
        if (!url.includes("/src/")) continue
        for (const { ranges } of functions) {
          for (const { count, endOffset, startOffset } of ranges) {
            if (count > 0) this.#seen.add(`${url}:${startOffset}-${endOffset}`)
          }
        }
      }
    })
    return this.#seen.size - before
  }

  stop(): void {
    this.#session.disconnect()
  }
}
