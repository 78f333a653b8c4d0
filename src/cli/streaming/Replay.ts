/** `lttng-relay replay`: streams a recorded trace to a relay again. */
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as CtfTrace from "../../ctf/CtfTrace.ts"
import * as Replayer from "../../target/Replay.ts"
import * as Bar from "../Bar.ts"
import type * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Paths from "../Paths.ts"
import * as Streaming from "./Streaming.ts"

const config = {
  directory: Paths.directoryArgument("dir").pipe(
    Argument.withDescription("A session's directory, one of its trace chunks, or one trace")
  ),
  url: Streaming.url,
  ...Streaming.flags,
  speed: Flag.Finite("speed").pipe(
    Flag.filter(
      (speed) => speed > 0,
      () => "must be above 0"
    ),
    Flag.optional,
    Flag.withDescription("1 for the recorded pace, 2 twice as fast (default: as fast as the relay takes it)")
  ),
  json: Output.jsonFlag
}

type Input = Flags.Given<typeof config>

type Done = Replayer.Progress & { readonly outputPath?: string | undefined }

const replay = Effect.fnUntraced(function* (input: Input, onProgress: (progress: Done) => void) {
  const recording = yield* CtfTrace.open(input.directory)
  const target = yield* Streaming.target(input)
  const bar = yield* Bar.make("{size} | {packets} packets", recording.byteCount)
  const replayed = yield* Replayer.replay(recording, target, {
    ...Streaming.given("sessionName", input.session),
    ...Streaming.given("liveTimer", input.live),
    ...Streaming.given("speed", input.speed),
    onProgress: (progress) => {
      onProgress(progress)
      bar.update(progress.bytes, { packets: String(progress.packets), size: Output.bytes(progress.bytes) })
    }
  })
  onProgress(replayed)
})

const print = (input: Input, replayed: Done) => {
  if (input.json) return Output.printJson(replayed)
  const counts = `${Output.plural(replayed.packets, "packet")}, ${Output.bytes(replayed.bytes)}`
  return Output.print(replayed.outputPath === undefined ? counts : `${replayed.outputPath}: ${counts}`)
}

const run = (input: Input) => {
  const done = { bytes: 0, packets: 0 }
  const replaying = replay(input, (progress) => Object.assign(done, progress))
  return Output.summarized(Effect.scoped(replaying), () => print(input, done))
}

export const command = Command.make("replay", config, (input) => Output.reported(run(input))).pipe(
  Command.withDescription(
    "Stream a recorded LTTng trace to a relay, which stores the same files again; returns when it has stored them"
  ),
  Command.withExamples([
    { command: "lttng-relay replay ~/lttng-traces/web1/s1-20261121-013014 net://relay", description: "Copy a trace" },
    { command: "lttng-relay replay --live=1s --speed=1 DIR net://relay", description: "Show it again to live viewers" }
  ])
)
