/**
 * The log of an edge: errors and warnings, and more if its operator asks for that, in the same way as with a relay. The
 * last lines are kept for the operator's port. Tracers and the relay choose names and texts: a line stays one, and acts
 * on no terminal.
 */
import { Cause, Logger } from "effect"
import { harmless, oneLine } from "../../errors/Harmless.ts"
import * as Verbosity from "../../errors/Verbosity.ts"

const textOf = (part: unknown): unknown => {
  if (Cause.isCause(part)) return Cause.pretty(part)
  return part instanceof Error ? (part.stack ?? part.message) : part
}

const shown = (part: unknown): unknown => {
  const text = textOf(part)
  return typeof text === "string" ? harmless(oneLine(text)) : text
}

export class EdgeLog {
  verbosity = 0
  readonly lastLines: Array<string> = []
  readonly layer = Verbosity.layer(
    this,
    Logger.make((said) => {
      const { cause, message } = said
      const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
      const why = cause.reasons.length > 0 ? [cause] : []
      const line = { ...said, message: [...parts, ...why].map(shown), cause: Cause.empty }
      Verbosity.remember(this.lastLines, Logger.formatLogFmt.log(line))
      Logger.defaultLogger.log(line)
    })
  )
}
