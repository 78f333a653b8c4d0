/** `lttng-relay record`: mirrors a live session into a directory. */
import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import * as Recorder from "../../viewer/Record.ts"
import * as Bar from "../Bar.ts"
import type * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as Watch from "./Watch.ts"

const config = {
  ...Watch.flags("beginning"),
  directory: Paths.directoryArgument("dir").pipe(
    Argument.withDescription("Where the trace goes: empty, or not there yet")
  ),
  json: Output.jsonFlag
}

type Input = Flags.Given<typeof config>

const record = Effect.fnUntraced(function* (input: Input, onProgress: (progress: Recorder.Progress) => void) {
  const { events } = yield* Watch.attach(input, { otherwise: "beginning", withPadding: true })
  const bar = yield* Bar.make("{packets} packets | {size}", undefined)
  return yield* Recorder.record(events, input.directory, {
    onProgress: (progress) => {
      onProgress(progress)
      bar.update(0, { packets: String(progress.packets), size: Output.bytes(progress.bytes) })
    }
  })
})

const print = (input: Input, recorded: Recorder.Progress) => {
  if (input.json) return Output.printJson({ directory: input.directory, ...recorded })
  const { bytes, cut, lost, packets, streams } = recorded
  const counts = [Output.plural(streams, "stream"), Output.plural(packets, "packet"), Output.bytes(bytes)]
  if (lost > 0) counts.push(`${lost} lost`)
  if (cut > 0) counts.push(`${Output.plural(cut, "stream")} cut short`)
  return Console.log(`${input.directory}: ${counts.join(", ")}`)
}

const run = (input: Input) => {
  const done = { streams: 0, packets: 0, bytes: 0, lost: 0, cut: 0 }
  const recording = record(input, (progress) => Object.assign(done, progress))
  return Output.summarized(Effect.scoped(recording), () => print(input, done))
}

export const command = Command.make("record", config, (input) => Output.reported(run(input))).pipe(
  Command.withDescription(
    "Mirror a live session into a trace that babeltrace2 opens, until the session ends or Ctrl-C; both leave it whole"
  ),
  Command.withExamples([
    { command: "lttng-relay record net://localhost/host/web1/my-session trace", description: "Until the session ends" },
    { command: "lttng-relay record --wait --seek=last URL trace", description: "From its next packet, when it appears" }
  ])
)
