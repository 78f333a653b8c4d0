/**
 * The log of an edge: errors and warnings, and more if its operator asks for that, in the same way as with a relay. The
 * last lines are kept for the operator's port. Tracers and the relay choose names and texts: a line stays one, and acts
 * on no terminal.
 */
import { Logger } from "effect"
import { harmless, oneLine } from "../../errors/Harmless.ts"
import * as Verbosity from "../../errors/Verbosity.ts"

const shown = (part: unknown): unknown => (typeof part === "string" ? harmless(oneLine(part)) : part)

export class EdgeLog {
  verbosity = 0
  readonly lastLines: Array<string> = []
  readonly layer = Verbosity.layer(
    this,
    Logger.make((said) => {
      const { message } = said
      const line = { ...said, message: Array.isArray(message) ? message.map(shown) : shown(message) }
      Verbosity.remember(this.lastLines, Logger.formatLogFmt.log(line))
      Logger.defaultLogger.log(line)
    })
  )
}
