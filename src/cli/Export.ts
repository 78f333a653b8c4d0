/** `lttng-relay export`: recorded traces for other tools. */
import { basename, resolve } from "node:path"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { EventPlan } from "../ctf/decode/Plan.ts"
import { ChromeTrace } from "../ctf/export/ChromeTrace.ts"
import { Bytes } from "../ctf/print/Bytes.ts"
import * as Recording from "../ctf/recorded/Recording.ts"
import * as EventOptions from "./EventOptions.ts"
import * as Flags from "./Flags.ts"
import * as Output from "./Output.ts"
import * as StandardOutput from "./StandardOutput.ts"

interface Input extends Pick<EventOptions.Input, "event" | "where"> {
  readonly directory: ReadonlyArray<string>
  readonly format: "chrome"
}

const blockBytes = 64 * 1024

const write = (out: Bytes): void => {
  StandardOutput.write(out.written)
  out.clear()
}

/** Answers what could not be decoded. */
const print = ({ directory, ...selection }: Input): number => {
  const filter = EventOptions.filter(selection)
  const recording = Recording.open(directory)
  for (const line of EventOptions.warnings(selection, recording.traceClasses)) process.stderr.write(`${line}\n`)
  const trace = new ChromeTrace(directory.map((path) => basename(resolve(path))).join(", "))
  const out = new Bytes()
  const tests = new Map<EventPlan, ReturnType<NonNullable<typeof filter>>>()
  let failureCount = 0
  try {
    for (let reader = recording.next(); reader !== undefined; reader = recording.next()) {
      const { failure, item, stream } = reader
      if (item === "failure" && failure !== undefined) {
        failureCount++
        process.stderr.write(`ERROR: ${failure.kind}: ${failure.message}; ${reader.path}, packet ${failure.packet}\n`)
      }
      if (item !== "event") continue
      const plan = stream.current as EventPlan
      const test = filter === undefined || (tests.get(plan) ?? filter(plan))
      tests.set(plan, test)
      if (typeof test === "boolean" ? !test : !test(stream)) continue
      trace.event(stream, out)
      if (out.at >= blockBytes) write(out)
    }
    trace.end(out)
    write(out)
  } finally {
    recording.close()
  }
  return failureCount
}

const run = (input: Input): Effect.Effect<void, Error> =>
  Effect.try({
    try: () => {
      try {
        if (print(input) > 0) process.exitCode = 1
      } catch (cause) {
        if (!(cause instanceof StandardOutput.OutputClosed)) throw cause
      }
    },
    catch: (cause) => (cause instanceof Error ? cause : new Error(String(cause)))
  })

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
    ...Flags.of(EventOptions.selection)
  },
  (input) => Output.reported(run(input))
).pipe(
  Command.withDescription("Write recorded traces in a form that other tools open"),
  Command.withExamples([
    { command: "lttng-relay export DIR --format=chrome > demo.json", description: "For ui.perfetto.dev" }
  ])
)
