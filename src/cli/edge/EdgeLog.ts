/**
 * What an edge says of what goes on in it: errors and warnings, and more when its operator asks for that, as a relay's
 * is asked. The last lines are kept for whoever asks for them.
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
