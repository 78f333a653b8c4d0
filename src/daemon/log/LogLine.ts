/**
 * One log line as text or JSON. Pure but for the clock.
 *
 * Text follows the reference up to 2.15: `Error: …` and `Warning: …` without a time, debug lines as
 * `DBG1 - HH:MM:SS.nnnnnnnnn [pid/tid]: …`. The runtime serves everything from one thread, so the two ids are equal.
 *
 * Peers name sessions and hosts: whatever they say, a line is one line, of a bounded length, and moves no cursor.
 */
import type { LogFormat } from "../../config/DaemonOptions.ts"
import { harmless, harmlessJson } from "../../errors/Harmless.ts"
import { wallMicros, wallMillis } from "../../Machine.ts"
import * as Time from "../../model/Time.ts"

export type Kind = "error" | "warning" | "debug1" | "debug2" | "debug3"

export interface Line {
  readonly kind: Kind
  readonly text: string
  readonly annotations?: Readonly<Record<string, unknown>>
}

const debugLabels = { debug1: "DBG1", debug2: "DBG2", debug3: "DBG3" } as const

/** Local time of day; the clock's resolution is a microsecond. */
const timeOfDay = (): string => {
  const millis = wallMicros() / 1000
  const { shifted } = Time.local(millis / 1000)
  const nanos = Math.floor((millis % 1000) * 1e6)
  const [hours, minutes, seconds] = [shifted.getUTCHours(), shifted.getUTCMinutes(), shifted.getUTCSeconds()].map(
    (part) => String(part).padStart(2, "0")
  )
  return `${hours}:${minutes}:${seconds}.${String(nanos).padStart(9, "0")}`
}

/** Most characters of one part of a line: a stack is shorter. */
const partLengthMax = 8192

const shortened = (text: string): string =>
  text.length <= partLengthMax ? text : `${text.slice(0, partLengthMax)}… (${text.length} characters)`

/** The value as text. Never fails, although JSON knows neither bigints nor circles. */
const textOf = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return shortened(String(value))
  try {
    return shortened(JSON.stringify(value, (_, part) => (typeof part === "bigint" ? part.toString() : part)))
  } catch {
    return String(value)
  }
}

/** The value for JSON; what is too long for a line becomes text. */
const jsonOf = (value: unknown): unknown => {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value
  const text = textOf(value)
  if (typeof value !== "object") return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const annotationText = (annotations: Line["annotations"]): string => {
  const entries = Object.entries(annotations ?? {})
  if (entries.length === 0) return ""
  return ` [${entries.map(([key, value]) => `${key}=${harmless(textOf(value))}`).join(" ")}]`
}

const color = { error: "\x1b[0;1;91m", warning: "\x1b[0;1;33m" } as const
const colorEnd = "\x1b[0m"

const toText = ({ kind, text, annotations }: Line, colored: boolean): string => {
  const tail = `${harmless(shortened(text.replaceAll("\n", " ")))}${annotationText(annotations)}`
  if (kind === "error" || kind === "warning") {
    const line = `${kind === "error" ? "Error" : "Warning"}: ${tail}`
    return colored ? `${color[kind]}${line}${colorEnd}` : line
  }
  return `${debugLabels[kind]} - ${timeOfDay()} [${process.pid}/${process.pid}]: ${tail}`
}

const toJson = ({ kind, text, annotations }: Line): string => {
  const more = Object.entries(annotations ?? {}).map(([key, value]) => [key, jsonOf(value)] as const)
  const members = {
    time: new Date(wallMillis()).toISOString(),
    level: kind,
    pid: process.pid,
    message: shortened(text),
    ...Object.fromEntries(more)
  }
  return harmlessJson(JSON.stringify(members))
}

/** Whether warnings and errors get colours: `NO_COLOR` over `LTTNG_TERM_COLOR` over what standard error is. */
export const isColored = (env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean => {
  if (env.NO_COLOR) return false
  const choice = env.LTTNG_TERM_COLOR?.toLowerCase()
  return choice === "always" || (choice !== "never" && isTerminal)
}

/** The line, with a newline at its end. */
export const format = (line: Line, style: LogFormat, colored: boolean): string =>
  `${style === "json" ? toJson(line) : toText(line, colored)}\n`
