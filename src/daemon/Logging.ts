/**
 * The daemon's logger: everything goes to standard error, and nothing but errors and warnings unless asked for.
 *
 * Error and Warn always; Info and Debug from `-v`; from `-vv` Trace, which is what happens to sessions, streams and
 * chunks; `-vvv` has the peers' commands too, and the fiber in every line. Lines of a
 * log call with several messages are joined; annotations are appended. A standard error that is gone is ignored.
 */
import { Cause, Layer, Logger, type LogLevel, References } from "effect"
import type { DaemonOptions } from "../config/DaemonOptions.ts"
import * as LogLine from "./LogLine.ts"

const kindOf = (level: LogLevel.LogLevel): LogLine.Kind => {
  switch (level) {
    case "Fatal":
    case "Error":
      return "error"
    case "Warn":
      return "warning"
    case "Trace":
      return "debug2"
    default:
      return "debug1"
  }
}

const minimumLevel = (verbosity: number): LogLevel.LogLevel =>
  verbosity <= 0 ? "Warn" : verbosity === 1 ? "Debug" : "Trace"

const part = (message: unknown): string => {
  if (typeof message === "string") return message
  if (Cause.isCause(message)) return Cause.pretty(message)
  if (message instanceof Error) return message.message
  return String(message)
}

const textOf = (message: unknown, cause: Cause.Cause<unknown>): string => {
  const parts = (Array.isArray(message) ? message : [message]).map(part)
  if (cause.reasons.length > 0) parts.push(Cause.pretty(cause))
  return parts.join(": ")
}

export const layer = (
  options: Pick<DaemonOptions, "verbosity" | "logFormat" | "abortOnError">,
  write: (text: string) => void
): Layer.Layer<never> => {
  const colored = LogLine.isColored(process.env, process.stderr.isTTY === true)
  const withFiber = options.verbosity > 2
  const logger = Logger.make<unknown, void>(({ message, logLevel, cause, fiber }) => {
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    const isCommand = logLevel === "Trace" && "command" in annotations
    if (isCommand && options.verbosity < 3) return
    const kind = isCommand ? "debug3" : kindOf(logLevel)
    const line: LogLine.Line = {
      kind,
      text: textOf(message, cause),
      annotations: withFiber ? { ...annotations, fiber: fiber.id } : annotations
    }
    write(LogLine.format(line, options.logFormat, colored))
    if (kind === "error" && options.abortOnError) process.abort()
  })
  return Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, minimumLevel(options.verbosity))
  )
}
