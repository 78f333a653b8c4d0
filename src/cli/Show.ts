/** `lttng-relay show`: what was recorded, as events; the same lines that babeltrace2 prints. */
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Filter } from "../ctf/decode/Fields.ts"
import type { TextOptions } from "../ctf/print/Text.ts"
import * as Moment from "../ctf/recorded/Moment.ts"
import * as Printing from "../ctf/recorded/Printing.ts"
import * as Recording from "../ctf/recorded/Recording.ts"
import type { Interval } from "../ctf/recorded/StreamReader.ts"
import * as EventFlags from "./EventFlags.ts"
import * as Output from "./Output.ts"
import * as StandardOutput from "./StandardOutput.ts"

interface Input extends EventFlags.Input {
  readonly directory: ReadonlyArray<string>
  readonly format: "text" | "ndjson"
  readonly count: boolean
  readonly histogram: boolean
  readonly begin: string
  readonly end: string
  readonly clockForceCorrelate: boolean
}

const moment = (flag: string, text: string, isGmt: boolean, first: bigint | undefined) => {
  if (text === "") return undefined
  const time = Moment.parse(text, isGmt, first)
  if (time === undefined) throw new Error(`--${flag}: ${text} is neither seconds nor [YYYY-MM-DD ]HH:MM[:SS[.N]]`)
  return time
}

/** Throws what is wrong. */
const formatOf = ({ count, format, histogram }: Input): Printing.Format => {
  if (count && histogram) throw new Error("--count and --histogram are two answers: ask for one of them")
  if (count) return format === "ndjson" ? "count-ndjson" : "count"
  if (histogram && format === "ndjson") throw new Error("--histogram is for people: there is no NDJSON of it")
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
    interval: (first) => {
      interval = {
        begin: moment("begin", input.begin, input.clockGmt, first),
        end: moment("end", input.end, input.clockGmt, first)
      }
      return interval
    }
  })
  const request = { format, text, filter, interval, write: StandardOutput.write, warn }
  return Printing.print(recording, request).failureCount
}

const run = (input: Input): Effect.Effect<void, Error> =>
  Effect.try({
    try: () => {
      const isTerminal = process.stdout.isTTY === true
      const text = EventFlags.textOptions(input, isTerminal)
      try {
        // What failed has been said.
        if (print(input, text, EventFlags.filter(input)) > 0) process.exitCode = 1
      } catch (cause) {
        if (!(cause instanceof StandardOutput.OutputClosed)) throw cause
      }
    },
    catch: (cause) => (cause instanceof Error ? cause : new Error(String(cause)))
  })

export const command = Command.make(
  "show",
  {
    directory: Argument.String("dir").pipe(
      Argument.withDescription("Directories of traces: a session, one of its trace chunks, or one trace"),
      Argument.atLeast(1)
    ),
    format: Flag.Literals("format", ["text", "ndjson"]).pipe(
      Flag.withDefault("text" as const),
      Flag.withDescription("Lines for people, as babeltrace2 prints them, or one JSON object a line")
    ),
    count: Flag.Boolean("count").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Print how many events there are of each name instead")
    ),
    histogram: Flag.Boolean("histogram").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Print how many events there are a second instead")
    ),
    begin: Flag.String("begin").pipe(
      Flag.withDefault(""),
      Flag.withDescription("From then on: seconds from the epoch, or [YYYY-MM-DD ]HH:MM[:SS[.N]]")
    ),
    end: Flag.String("end").pipe(Flag.withDefault(""), Flag.withDescription("Until then, like --begin")),
    clockForceCorrelate: Flag.Boolean("clock-force-correlate").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Compare times although the clocks have different origins")
    ),
    ...EventFlags.flags
  },
  (input) => Output.reported(run(input))
).pipe(
  Command.withDescription("Show the events of recorded traces, in order over all of their streams"),
  Command.withExamples([
    { command: "lttng-relay show ~/lttng-traces/demo", description: "The same as babeltrace2, faster" },
    { command: "lttng-relay show DIR --format=ndjson | jq .fields", description: "One object a line" },
    {
      command: "lttng-relay show DIR --event='sched_*' --where='prev_tid == 1234' --count",
      description: "How many of which"
    }
  ])
)
