/**
 * What `lttng-relay show` does with its arguments: what was recorded, as events, line for line what babeltrace2 prints.
 * Neither the runtime nor the library of the command line has a part in it: on a short trace loading those is most of
 * the time.
 */
import { fstatSync } from "node:fs"
import { compare } from "../ctf/decode/Clock.ts"
import type { Filter } from "../ctf/decode/Fields.ts"
import type { TextOptions } from "../ctf/print/Text.ts"
import * as Moment from "../ctf/recorded/Moment.ts"
import * as Printing from "../ctf/recorded/Printing.ts"
import * as Recording from "../ctf/recorded/Recording.ts"
import type { Interval } from "../ctf/recorded/StreamReader.ts"
import * as EventOptions from "./EventOptions.ts"
import { Misused, statusOf } from "./Misused.ts"
import * as Options from "./Options.ts"
import * as StandardOutput from "./StandardOutput.ts"

const toggle = (name: string, description: string) => ({ kind: "toggle", name, description }) as const
const text = (name: string, description: string) => ({ kind: "text", name, default: "", description }) as const

export const options = {
  format: EventOptions.format,
  count: toggle("count", "Print how many events there are of each name instead"),
  histogram: toggle("histogram", "Print how many events there are a second instead"),
  begin: text("begin", "From then on: seconds from the epoch, [YYYY-MM-DD ]HH:MM[:SS[.N]], or YYYY-MM-DD"),
  end: text("end", "Until then, like --begin"),
  clockForceCorrelate: toggle("clock-force-correlate", "Compare times although the clocks have different origins"),
  ...EventOptions.options
} as const satisfies Options.Options

export interface Input extends Options.ValuesOf<typeof options> {
  readonly directory: ReadonlyArray<string>
}

const moment = (flag: string, text: string, isGmt: boolean, first: bigint | undefined) => {
  if (text === "") return undefined
  const time = Moment.parse(text, isGmt, first)
  if (time === undefined)
    throw new Misused(`--${flag}: ${text} is neither seconds nor [YYYY-MM-DD ]HH:MM[:SS[.N]] nor YYYY-MM-DD`)
  return time
}

const intervalOf = (input: Input, first: bigint | undefined): Interval => {
  const begin = moment("begin", input.begin, input.clockGmt, first)
  const end = moment("end", input.end, input.clockGmt, first)
  if (begin !== undefined && end !== undefined && compare(begin, end) > 0) throw new Misused("--begin is after --end")
  return { begin, end }
}

/** Throws what is wrong. */
const formatOf = ({ count, format, histogram }: Input): Printing.Format => {
  if (count && histogram) throw new Misused("--count and --histogram are two answers: ask for one of them")
  if (count) return format === "ndjson" ? "count-ndjson" : "count"
  if (histogram && format === "ndjson") throw new Misused("--histogram is for people: there is no NDJSON of it")
  return histogram ? "histogram" : format
}

const warn = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const print = (input: Input, text: TextOptions, filter: Filter | undefined): number => {
  const format = formatOf(input)
  let interval: Interval = { begin: undefined, end: undefined }
  const recording = Recording.open(input.directory, {
    ...Recording.defaults,
    isCorrelationForced: input.clockForceCorrelate,
    clockShift: EventOptions.clockShift(input),
    interval: (first) => {
      interval = intervalOf(input, first)
      return interval
    }
  })
  for (const line of EventOptions.warnings(input, recording.traceClasses)) warn(line)
  const request = { format, text, filter, interval, write: StandardOutput.write, warn }
  return Printing.print(recording, request).failureCount
}

/** What `process.stdout` is made of is loaded only where there may be a terminal. */
const isTerminal = (input: Input): boolean =>
  input.color === "auto" &&
  formatOf(input) === "text" &&
  fstatSync(StandardOutput.descriptor).isCharacterDevice() &&
  process.stdout.isTTY === true

/** Throws what is wrong; what could not be decoded has been said, and is in the exit status. */
export const run = (input: Input): void => {
  const text = EventOptions.textOptions(input, isTerminal(input))
  // Before anything is opened; when that is depends on the trace.
  for (const flag of ["begin", "end"] as const) moment(flag, input[flag], input.clockGmt, 0n)
  try {
    if (print(input, text, EventOptions.filter(input)) > 0) process.exitCode = 1
  } catch (cause) {
    if (!(cause instanceof StandardOutput.OutputClosed)) throw cause
  }
}

/** False: nothing was done, since the arguments are not plainly right. */
export const attempt = (args: ReadonlyArray<string>): boolean => {
  const parsed = Options.parse(options, args)
  if (parsed === undefined || parsed.operands.length === 0) return false
  try {
    run({ ...parsed.values, directory: parsed.operands })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    warn(`Error: ${message.trim().replaceAll(/\s*\n\s*/g, " ")}`)
    process.exitCode = statusOf(cause)
  }
  return true
}
