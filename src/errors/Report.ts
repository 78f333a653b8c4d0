/** Log lines of what the catalogue lists: the catalogue's text, what is particular this time, and the code. */
import { type Cause, Effect } from "effect"
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

/** Logs one line, at the level of the code. */
export const report = (code: Code, detail = "", cause?: Cause.Cause<unknown>): Effect.Effect<void> => {
  const { level, text } = catalogue[code]
  const line = detail === "" ? text : `${text}: ${masked(detail)}`
  const log = cause === undefined ? logs[level](line) : logs[level](line, cause)
  return said(Effect.annotateLogs(log, { code }))
}
