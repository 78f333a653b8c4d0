/** `lttng-relay show`, where the arguments are not plainly right: help, completions, mistakes. */
import { Argument, Command } from "effect/cli"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as Showing from "./Showing.ts"

export const command = Command.make(
  "show",
  {
    directory: Paths.directoryArgument("dir").pipe(
      Argument.withDescription("Directories of traces: a session, one of its trace chunks, or one trace"),
      Argument.atLeast(1)
    ),
    ...Flags.of(Showing.options)
  },
  (input) => Output.reported(Output.attempt(() => Showing.run(input)))
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
