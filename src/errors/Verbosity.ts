/**
 * What is logged of all that may be, by how often `-v` was given, or what the operator's port was told since; and what
 * was said last, for a report of a fault.
 */
import { Layer, Logger, LogLevel, References } from "effect"

/** Running fibers obey at once. */
interface Verbose {
  /** As `-v` counts it. */
  readonly verbosity: number
}

const minimumLevel = (verbosity: number): LogLevel.LogLevel =>
  verbosity <= 0 ? "Warn" : verbosity === 1 ? "Debug" : "Trace"

/** A logger that hears only what is said. Peers' commands come last. */
export const gated = (log: Verbose, inner: Logger.Logger<unknown, unknown>): Logger.Logger<unknown, void> =>
  Logger.make((line) => {
    if (!LogLevel.isGreaterThanOrEqualTo(line.logLevel, minimumLevel(log.verbosity))) return
    const isCommand = line.logLevel === "Trace" && "command" in line.fiber.getRef(References.CurrentLogAnnotations)
    if (log.verbosity > 2 || !isCommand) inner.log(line)
  })

/** The only logger. Fibers keep the level they began with: all is let through to where it can change. */
export const layer = (log: Verbose, logger: Logger.Logger<unknown, unknown>): Layer.Layer<never> =>
  Layer.mergeAll(Logger.layer([gated(log, logger)]), Layer.succeed(References.MinimumLogLevel, "All"))

/** Some minutes of a process that has a fault. */
const lastLineCountMax = 1000

export const remember = (lastLines: Array<string>, line: string): void => {
  lastLines.push(line)
  if (lastLines.length > lastLineCountMax) lastLines.shift()
}
