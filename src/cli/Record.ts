/** `lttng-relay record`: mirrors a live session into a directory. */
import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import * as Recorder from "../viewer/Record.ts"
import * as Bar from "./Bar.ts"
import * as Output from "./Output.ts"
import * as Watch from "./Watch.ts"

interface Input extends Watch.Options {
  readonly directory: string
  readonly json: boolean
}

const record = Effect.fnUntraced(function* (input: Input) {
  const { events } = yield* Watch.attach(input, { withPadding: true })
  const bar = yield* Bar.make("{packets} packets | {size}", undefined)
  return yield* Recorder.record(events, input.directory, {
    onProgress: ({ bytes, packets }) => bar.update(0, { packets: String(packets), size: Output.bytes(bytes) })
  })
})

const run = Effect.fnUntraced(function* (input: Input) {
  const recorded = yield* Effect.scoped(record(input))
  if (input.json) return yield* Output.printJson({ directory: input.directory, ...recorded })
  const { bytes, lost, packets, streams } = recorded
  const counts = [Output.plural(streams, "stream"), Output.plural(packets, "packet"), Output.bytes(bytes)]
  yield* Console.log(`${input.directory}: ${counts.join(", ")}${lost === 0 ? "" : `, ${lost} lost`}`)
})

export const command = Command.make(
  "record",
  {
    url: Watch.url,
    directory: Argument.String("dir").pipe(Argument.withDescription("Where the trace goes: empty, or not there yet")),
    seek: Watch.seek("beginning"),
    wait: Watch.wait,
    json: Output.jsonFlag
  },
  (input) => Output.reported(run(input))
).pipe(
  Command.withDescription(
    "Mirror a live session into a trace that babeltrace2 opens, until the session ends or Ctrl-C; both leave it whole"
  ),
  Command.withExamples([
    { command: "lttng-relay record net://localhost/host/web1/my-session trace", description: "Until the session ends" },
    { command: "lttng-relay record --wait --seek=last URL trace", description: "From its next packet, when it appears" }
  ])
)
