/** What the catalogue lists is counted, and told to the log: its text, what is particular this time, the code. */
import { type Cause, Context, Effect } from "effect"
import { type Code, catalogue } from "./Catalogue.ts"
import { masked } from "./Secrets.ts"

/** Something that the catalogue lists has happened. `detail` is what is particular this time. */
export interface Incident {
  readonly code: Code
  readonly detail: string
}

const logs = { debug: Effect.logDebug, warning: Effect.logWarning, error: Effect.logError } as const

/** `log`, which harms nothing if a logger throws: a program brings its own. */
export const said = (log: Effect.Effect<void>): Effect.Effect<void> => Effect.catchDefect(log, () => Effect.void)

/** How often each has happened; undefined: nobody counts. A relay has its own, or that of the process around it. */
export const Counts = Context.Reference<Map<Code, number> | undefined>("lttng-relay/errors/Counts", {
  defaultValue: () => undefined
})

export const count = (counts: Map<Code, number>, code: Code): void => {
  counts.set(code, (counts.get(code) ?? 0) + 1)
}

/** Logs one line, at the level of the code, of what is counted elsewhere. */
export const line = (code: Code, detail = "", cause?: Cause.Cause<unknown>): Effect.Effect<void> => {
  const { level, text } = catalogue[code]
  const whole = detail === "" ? text : `${text}: ${masked(detail)}`
  const log = cause === undefined ? logs[level](whole) : logs[level](whole, cause)
  return said(Effect.annotateLogs(log, { code }))
}

/** Counts, then one log line. */
export const report = (code: Code, detail?: string, cause?: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.flatMap(Counts, (counts) => {
    if (counts !== undefined) count(counts, code)
    return line(code, detail, cause)
  })
