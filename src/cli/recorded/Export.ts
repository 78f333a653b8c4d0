/** `lttng-relay export`: recorded traces for other tools. */
import { basename, resolve } from "node:path"
import { Argument, Command, Flag } from "effect/cli"
import { ChromeTrace } from "../../ctf/export/ChromeTrace.ts"
import * as Text from "../../ctf/print/Text.ts"
import * as Printing from "../../ctf/recorded/Printing.ts"
import * as EventOptions from "../EventOptions.ts"
import * as Flags from "../Flags.ts"
import type * as Options from "../Options.ts"
import * as Output from "../Output.ts"
import * as StandardOutput from "../StandardOutput.ts"
import * as Recorded from "./Recorded.ts"

const options = {
  ...EventOptions.selection,
  ...Recorded.options,
  clockGmt: {
    kind: "toggle",
    name: "clock-gmt",
    description: "Times of --begin and --end in UTC instead of the local time zone"
  }
} as const satisfies Options.Options

interface Input extends Recorded.Input, Pick<EventOptions.Input, "event" | "where"> {
  readonly format: "chrome"
}

/** Answers what could not be decoded. */
const print = (input: Input): number => {
  const filter = EventOptions.filter(input)
  const recording = Recorded.open(input, 0n)
  const { warn, write } = StandardOutput
  for (const line of EventOptions.warnings(input, recording.traceClasses)) warn(line)
  const format = new ChromeTrace(input.directory.map((path) => basename(resolve(path))).join(", "))
  const text = { ...Text.defaults, isGmt: input.clockGmt }
  return Printing.print(recording, { format, text, filter, write, warn }).failureCount
}

export const command = Command.make(
  "export",
  {
    directory: Argument.String("dir").pipe(
      Argument.withDescription("Directories of traces: a session, one of its trace chunks, or one trace"),
      Argument.atLeast(1)
    ),
    format: Flag.Literals("format", ["chrome"]).pipe(
      Flag.withDefault("chrome" as const),
      Flag.withDescription("Chrome's JSON, which ui.perfetto.dev opens: threads, slices for begins and ends, instants")
    ),
    ...Flags.of(options)
  },
  (input) => Output.reported(Output.attempt(() => Recorded.end(() => print(input))))
).pipe(
  Command.withDescription("Write recorded traces in a form that other tools open"),
  Command.withExamples([
    { command: "lttng-relay export DIR --format=chrome > demo.json", description: "For ui.perfetto.dev" },
    { command: "lttng-relay export DIR --begin=17:46:22.8 --end=17:46:23", description: "A part of a large trace" }
  ])
)
