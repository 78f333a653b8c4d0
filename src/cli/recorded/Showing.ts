/**
 * What `lttng-relay show` does with its arguments: what was recorded, as events, line for line what babeltrace2 prints.
 * It uses neither Effect's runtime nor the command line's library: on a short trace, loading these would take most of
 * the time.
 */
import { fstatSync } from "node:fs"
import type { Filter } from "../../ctf/decode/Fields.ts"
import type { TextOptions } from "../../ctf/print/Text.ts"
import * as Printing from "../../ctf/recorded/Printing.ts"
import type { Recording } from "../../ctf/recorded/Recording.ts"
import { RecordingRefused } from "../../ctf/recorded/RecordingRefused.ts"
import { oneLine } from "../../errors/Harmless.ts"
import * as SystemError from "../../errors/SystemError.ts"
import * as Unsettled from "../../recovery/Unsettled.ts"
import * as EventOptions from "../EventOptions.ts"
import { Misused, status, statusOf } from "../Misused.ts"
import * as Options from "../Options.ts"
import * as StandardOutput from "../StandardOutput.ts"
import * as Babeltrace from "./Babeltrace.ts"
import * as Recorded from "./Recorded.ts"

export const options = {
  format: EventOptions.format,
  json: Options.toggle("json", "Print JSON, one value a line: the same as --format=ndjson"),
  count: Options.toggle("count", "Print how many events there are of each name instead"),
  histogram: Options.toggle("histogram", "Print how many events there are a second instead"),
  ...Recorded.options,
  ...EventOptions.options,
  ...Babeltrace.options
} as const satisfies Options.Options

export interface Input extends Options.ValuesOf<typeof options> {
  readonly directory: ReadonlyArray<string>
}

/** Throws what is wrong. */
const formatOf = ({ count, format: named, histogram, json }: Input): Printing.Format => {
  const format = json ? "ndjson" : named
  if (count && histogram) throw new Misused("--count and --histogram are two answers: ask for one of them")
  if (count) return format === "ndjson" ? "count-ndjson" : "count"
  if (histogram && format === "ndjson") throw new Misused("--histogram is for people: there is no NDJSON of it")
  return histogram ? "histogram" : format
}

const outputTo = (path: string | undefined): ReturnType<typeof StandardOutput.file> =>
  path === undefined ? { write: StandardOutput.write, close: () => {} } : StandardOutput.file(path)

const printRefusal = (refused: RecordingRefused, path: string | undefined): number => {
  const { close, write } = outputTo(path)
  try {
    Printing.printRefusal(refused, write)
    return 0
  } finally {
    close()
  }
}

/** A refusal is thrown, also where nobody reads the output, and an object as other failures are. */
const open = (input: Input, format: Printing.Format, path: string | undefined): Recording => {
  try {
    return Recorded.open(input, EventOptions.clockShift(input))
  } catch (cause) {
    if (cause instanceof RecordingRefused && Printing.isNdjson(format)) Recorded.end(() => printRefusal(cause, path))
    throw cause
  }
}

const print = (input: Input, text: TextOptions, filter: Filter | undefined): number => {
  const format = formatOf(input)
  const path = Babeltrace.outputOf(input)
  const recording = open(input, format, path)
  const { warn } = StandardOutput
  for (const line of EventOptions.warnings(input, recording.traceClasses)) warn(line)
  const output = outputTo(path)
  try {
    const isWritten = Unsettled.isWrittenBelow(input.directory)
    const request = { format, text, filter, write: output.write, warn, isWritten }
    return Printing.print(recording, request).failureCount
  } finally {
    output.close()
  }
}

/** What `process.stdout` is made of is loaded only where there may be a terminal. */
const isTerminal = (input: Input): boolean =>
  input.color === "auto" &&
  formatOf(input) === "text" &&
  input.output.length === 0 &&
  fstatSync(StandardOutput.descriptor).isCharacterDevice() &&
  process.stdout.isTTY === true

/** Throws what is wrong. */
export const run = (input: Input): void => {
  const text = EventOptions.textOptions(input, isTerminal(input))
  Recorded.end(() => print(input, text, EventOptions.filter(input)))
}

/** Whether the runtime has lost bytes of the word that are no UTF-8. */
const isLost = (word: string): boolean => word.includes("\ufffd")

/** Runs with arguments that are plainly right. False: they are not, and nothing was done. */
export const attempt = (args: ReadonlyArray<string>): boolean => {
  if (args.some(isLost)) return false
  const parsed = Options.parse(options, args)
  const refusal = parsed === undefined ? Babeltrace.refusal(args) : undefined
  if (refusal !== undefined) {
    StandardOutput.warn(`Error: ${refusal}`)
    process.exitCode = status.misused
    return true
  }
  if (parsed === undefined || parsed.operands.length === 0) return false
  try {
    run({ ...parsed.values, directory: parsed.operands })
  } catch (cause) {
    StandardOutput.warn(`Error: ${oneLine(SystemError.messageOf(cause))}`)
    process.exitCode = statusOf(cause)
  }
  return true
}
