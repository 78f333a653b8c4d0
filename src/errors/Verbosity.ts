/**
 * Which log lines are printed, by how often `-v` was given, or by what the operator's port was told since; and the last
 * lines, for a report of a fault.
 */
import { Layer, Logger, LogLevel, References } from "effect"

/** Where the verbosity is kept: a change is obeyed at once, also by running fibers. */
interface Verbose {
  /** How many times `-v` was given. */
  readonly verbosity: number
}

const minimumLevel = (verbosity: number): LogLevel.LogLevel =>
  verbosity <= 0 ? "Warn" : verbosity === 1 ? "Debug" : "Trace"

/** A logger that passes on only what is printed at this verbosity; peers' commands from 3 on. */
export const gated = (log: Verbose, inner: Logger.Logger<unknown, unknown>): Logger.Logger<unknown, void> =>
  Logger.make((line) => {
    if (!LogLevel.isGreaterThanOrEqualTo(line.logLevel, minimumLevel(log.verbosity))) return
    const isCommand = line.logLevel === "Trace" && "command" in line.fiber.getRef(References.CurrentLogAnnotations)
    if (log.verbosity > 2 || !isCommand) inner.log(line)
  })

/** The process's only logger. Fibers keep the level they began with, so theirs is "All" and `gated` decides. */
export const layer = (log: Verbose, logger: Logger.Logger<unknown, unknown>): Layer.Layer<never> =>
  Layer.mergeAll(Logger.layer([gated(log, logger)]), Layer.succeed(References.MinimumLogLevel, "All"))

/** Lines that are remembered: some minutes of a process that has a fault. */
const lastLineCountMax = 1000

export const remember = (lastLines: Array<string>, line: string): void => {
  lastLines.push(line)
  if (lastLines.length > lastLineCountMax) lastLines.shift()
}
