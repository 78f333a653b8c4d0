/**
 * The daemon's logger: it logs only errors and warnings unless asked for more, which can be at any time.
 *
 * Error and Warn always; Info and Debug from `-v`; from `-vv` Trace, which is what happens to sessions, streams and
 * chunks; `-vvv` has the peers' commands too, and the fiber in every line. Lines of a
 * log call with several messages are joined; annotations are appended. A standard error that is gone is ignored.
 */
import { Cause, Context, Effect, Layer, Logger, type LogLevel, References } from "effect"
import type { DaemonOptions } from "../../config/DaemonOptions.ts"
import * as Verbosity from "../../errors/Verbosity.ts"
import { clockMillis, setTimeout } from "../../Machine.ts"
import * as LogLine from "./LogLine.ts"
import { intervalMillis, likeness, Repeats, saidOfCodeCountMax } from "./Repeats.ts"

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

type Options = Pick<DaemonOptions, "verbosity" | "logFormat" | "abortOnError">

/** The logger, and what of it can be changed while it logs. */
export interface Log {
  readonly layer: Layer.Layer<never>
  /** How many times `-v` was given. Running fibers obey a change at once. */
  verbosity: number
  format: DaemonOptions["logFormat"]
  /** The last lines that were written, the newest last. */
  readonly lastLines: ReadonlyArray<string>
  /** The layer's loggers, held to the same verbosity. */
  readonly gated: (loggers: Layer.Layer<never>) => Layer.Layer<never>
}

export const make = (options: Options, write: (text: string) => void): Log => {
  const colored = LogLine.isColored(process.env, process.stderr.isTTY === true)
  const repeats = new Repeats()
  const ofCode = new Repeats(saidOfCodeCountMax)
  const lastLines: Array<string> = []
  const say = (line: LogLine.Line) => {
    Verbosity.remember(lastLines, LogLine.format(line, log.format, false).trimEnd())
    write(LogLine.format(line, log.format, colored))
  }
  /** True: the line is not written now, but counted; a later line tells the number. */
  const isCounted = (by: Repeats, key: string, line: LogLine.Line): boolean => {
    const verdict = by.take(key, clockMillis())
    if (verdict === "say") return false
    if (verdict === "count") return true
    setTimeout(() => {
      const count = by.leftOut(key)
      const { code } = line.annotations ?? {}
      const text = `${count} more in ${intervalMillis / 1000} s like: ${line.text}`
      say({ kind: line.kind, text, ...(code !== undefined && { annotations: { code } }) })
    }, intervalMillis).unref()
    return true
  }
  const sayOnce = (line: LogLine.Line) => {
    if (line.kind !== "error" && line.kind !== "warning") return say(line)
    if (isCounted(repeats, `${line.kind} ${likeness(line.text)}`, line)) return
    if (isCounted(ofCode, `${line.kind} ${line.annotations?.code ?? ""}`, line)) return
    say(line)
  }
  const logger = Logger.make<unknown, void>(({ message, logLevel, cause, fiber }) => {
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    const kind = logLevel === "Trace" && "command" in annotations ? "debug3" : kindOf(logLevel)
    sayOnce({
      kind,
      text: textOf(message, cause),
      annotations: log.verbosity > 2 ? { ...annotations, fiber: fiber.id } : annotations
    })
    if (kind === "error" && options.abortOnError) process.kill(process.pid, "SIGABRT")
  })
  const gated: Log["gated"] = (loggers) =>
    Layer.effectContext(
      Effect.map(Layer.build(loggers), (context) => {
        const inner = Context.get(context, Logger.CurrentLoggers)
        return Context.add(context, Logger.CurrentLoggers, new Set([...inner].map((one) => Verbosity.gated(log, one))))
      })
    )
  const log = { verbosity: options.verbosity, format: options.logFormat, lastLines, gated }
  return Object.assign(log, { layer: Verbosity.layer(log, logger) })
}
