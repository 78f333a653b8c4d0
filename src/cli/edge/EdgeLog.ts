/**
 * What an edge says of what goes on in it: errors and warnings, and more when its operator asks for that, as a relay's
 * is asked. The last lines are kept for whoever asks for them.
 */
import { Layer, Logger, References } from "effect"
import { isSaid } from "../../errors/Verbosity.ts"

const lastLineCountMax = 1000

export class EdgeLog {
  verbosity = 0
  readonly lastLines: Array<string> = []
  /** Fibers keep the level they began with: all is let through to where it can change. */
  readonly layer: Layer.Layer<never>

  constructor() {
    const logger = Logger.make<unknown, void>((line) => {
      if (!isSaid(this.verbosity, line.logLevel, line.fiber.getRef(References.CurrentLogAnnotations))) return
      this.lastLines.push(Logger.formatLogFmt.log(line))
      if (this.lastLines.length > lastLineCountMax) this.lastLines.shift()
      Logger.defaultLogger.log(line)
    })
    this.layer = Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "All"))
  }
}
