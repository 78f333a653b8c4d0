/**
 * The log of an edge: errors and warnings, and more if its operator asks for that, in the same way as with a relay. The
 * last lines are kept for the operator's port.
 */
import { Logger } from "effect"
import * as Verbosity from "../../errors/Verbosity.ts"

export class EdgeLog {
  verbosity = 0
  readonly lastLines: Array<string> = []
  readonly layer = Verbosity.layer(
    this,
    Logger.make((line) => {
      Verbosity.remember(this.lastLines, Logger.formatLogFmt.log(line))
      Logger.defaultLogger.log(line)
    })
  )
}
