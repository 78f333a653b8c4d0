/** `lttng-relay export`: recorded traces for other tools. */
import { fstatSync } from "node:fs"
import { basename, resolve } from "node:path"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { ChromeTrace } from "../../ctf/export/ChromeTrace.ts"
import * as Text from "../../ctf/print/Text.ts"
import * as Printing from "../../ctf/recorded/Printing.ts"
import type { Recording } from "../../ctf/recorded/Recording.ts"
import * as Unsettled from "../../recovery/Unsettled.ts"
import * as Bounded from "../Bounded.ts"
import * as EventOptions from "../EventOptions.ts"
import type { Failed } from "../Failed.ts"
import * as Flags from "../Flags.ts"
import * as Options from "../Options.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as StandardOutput from "../StandardOutput.ts"
import * as Recorded from "./Recorded.ts"

const options = {
  ...EventOptions.selection,
  ...Recorded.options,
  clockGmt: Options.toggle("clock-gmt", "Times of --begin and --end in UTC instead of the local time zone")
} as const satisfies Options.Options

interface Input extends Recorded.Input, Pick<EventOptions.Input, "event" | "where"> {
  readonly format: "chrome"
}

interface Work {
  readonly recording: Recording
  readonly printer: Printing.Printer
  /** False: all is read. */
  readonly step: Effect.Effect<boolean, Failed>
  /** Blocks of output that are made and not written yet. */
  readonly blocks: Array<Uint8Array>
  /** Standard output is a file. */
  readonly isFile: boolean
}

const open = (input: Input): Work => {
  const filter = EventOptions.filter(input)
  const recording = Recorded.open(input, 0n)
  const { warn } = StandardOutput
  for (const line of EventOptions.warnings(input, recording.traceClasses)) warn(line)
  const format = new ChromeTrace(input.directory.map((path) => basename(resolve(path))).join(", "))
  const text = { ...Text.defaults, isGmt: input.clockGmt }
  const blocks: Array<Uint8Array> = []
  const write = (block: Uint8Array) => void blocks.push(new Uint8Array(block))
  const isWritten = Unsettled.isWrittenBelow(input.directory)
  const printer = new Printing.Printer(recording, { format, text, filter, write, warn, isWritten })
  const step = Bounded.steps(input)(() => printer.step())
  return { recording, printer, step, blocks, isFile: fstatSync(StandardOutput.descriptor).isFile() }
}

/** Writes the blocks. A pipe that nobody reads may be full: there Ctrl-C ends the process. A file takes what comes. */
const write = ({ blocks, isFile }: Work): Effect.Effect<void, Error> => {
  const doing = isFile ? Output.briefly : Output.attempt
  return doing(() => {
    for (const block of blocks.splice(0)) StandardOutput.write(block)
  })
}

/** Ends the output so that it is whole: readers refuse JSON that is cut. */
const interrupted = (work: Work): Effect.Effect<void> =>
  Effect.ignore(
    Effect.andThen(
      Effect.sync(() => {
        work.printer.end(true)
        StandardOutput.warn("WARNING: interrupted: the rest of the trace is missing")
      }),
      write(work)
    )
  )

const blocks = (work: Work): Effect.Effect<void, Error> =>
  Effect.gen(function* () {
    while (yield* work.step) {
      yield* Output.turn
      yield* write(work)
    }
  })

const printed = (work: Work): Effect.Effect<void, Error> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* Effect.onInterrupt(restore(blocks(work)), () => interrupted(work))
      work.printer.end()
      yield* write(work)
      if (work.printer.failureCount > 0) process.exitCode = 1
    })
  )

const print = (input: Input): Effect.Effect<void, Error> =>
  Effect.acquireUseRelease(
    Output.attempt(() => open(input)),
    printed,
    ({ recording }) => Effect.sync(() => recording.close())
  ).pipe(
    Effect.catchIf(
      (error) => error instanceof StandardOutput.OutputClosed,
      () => Effect.void
    )
  )

export const command = Command.make(
  "export",
  {
    directory: Paths.directoryArgument("dir").pipe(
      Argument.withDescription("Directories of traces: a session, one of its trace chunks, or one trace"),
      Argument.atLeast(1)
    ),
    format: Flag.Literals("format", ["chrome"]).pipe(
      Flag.withDefault("chrome" as const),
      Flag.withDescription("Chrome's JSON, which ui.perfetto.dev opens: threads, slices for begins and ends, instants")
    ),
    ...Flags.of(options)
  },
  (input) => Output.reported(print(input))
).pipe(
  Command.withDescription("Write recorded traces in a form that other tools open"),
  Command.withExamples([
    { command: "lttng-relay export DIR --format=chrome > demo.json", description: "For ui.perfetto.dev" },
    { command: "lttng-relay export DIR --begin=17:46:22.8 --end=17:46:23", description: "A part of a large trace" }
  ])
)
