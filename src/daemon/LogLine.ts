/**
 * One log line as text or JSON. Pure but for the clock.
 *
 * Text follows the reference up to 2.15: `Error: …` and `Warning: …` without a time, debug lines as
 * `DBG1 - HH:MM:SS.nnnnnnnnn [pid/tid]: …`. The runtime serves everything from one thread, so the two ids are equal.
 */
import type { LogFormat } from "../config/DaemonOptions.ts"
import * as Time from "../model/Time.ts"

export type Kind = "error" | "warning" | "debug1" | "debug2" | "debug3"

export interface Line {
  readonly kind: Kind
  readonly text: string
  readonly annotations?: Readonly<Record<string, unknown>>
}

const debugLabels = { debug1: "DBG1", debug2: "DBG2", debug3: "DBG3" } as const

/** Local time of day; the clock's resolution is a microsecond. */
const timeOfDay = (): string => {
  const millis = performance.timeOrigin + performance.now()
  const { shifted } = Time.local(millis / 1000)
  const nanos = Math.floor((millis % 1000) * 1e6)
  const [hours, minutes, seconds] = [shifted.getUTCHours(), shifted.getUTCMinutes(), shifted.getUTCSeconds()].map(
    (part) => String(part).padStart(2, "0")
  )
  return `${hours}:${minutes}:${seconds}.${String(nanos).padStart(9, "0")}`
}

/** JSON knows no bigint; log lines must never fail on one. */
const plain = (value: unknown): unknown => (typeof value === "bigint" ? value.toString() : value)

const annotationText = (annotations: Line["annotations"]): string => {
  const entries = Object.entries(annotations ?? {})
  return entries.length === 0 ? "" : ` [${entries.map(([key, value]) => `${key}=${String(value)}`).join(" ")}]`
}

const color = { error: "\x1b[0;1;91m", warning: "\x1b[0;1;33m" } as const
const colorEnd = "\x1b[0m"

const toText = ({ kind, text, annotations }: Line, colored: boolean): string => {
  const tail = `${text.replaceAll("\n", " ")}${annotationText(annotations)}`
  if (kind === "error" || kind === "warning") {
    const line = `${kind === "error" ? "Error" : "Warning"}: ${tail}`
    return colored ? `${color[kind]}${line}${colorEnd}` : line
  }
  return `${debugLabels[kind]} - ${timeOfDay()} [${process.pid}/${process.pid}]: ${tail}`
}

const toJson = ({ kind, text, annotations }: Line): string =>
  JSON.stringify(
    { time: new Date().toISOString(), level: kind, pid: process.pid, message: text, ...annotations },
    (_, value) => plain(value)
  )

/** Whether warnings and errors get colours: `NO_COLOR` over `LTTNG_TERM_COLOR` over what standard error is. */
export const isColored = (env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean => {
  if (env.NO_COLOR) return false
  const choice = env.LTTNG_TERM_COLOR?.toLowerCase()
  return choice === "always" || (choice !== "never" && isTerminal)
}

/** The line with its end. */
export const format = (line: Line, style: LogFormat, colored: boolean): string =>
  `${style === "json" ? toJson(line) : toText(line, colored)}\n`
