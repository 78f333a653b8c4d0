/** `lttng-relay load`: synthetic sessions against a relay. */
import { Clock, Console, type Duration, Effect, type Option } from "effect"
import { Command, Flag } from "effect/cli"
import * as Loader from "../target/Load.ts"
import { packetBytesMin } from "../target/SyntheticTrace.ts"
import * as Bar from "./Bar.ts"
import * as Output from "./Output.ts"
import * as Streaming from "./Streaming.ts"
import type * as TlsFlags from "./TlsFlags.ts"
import { messageOf, parseDuration, parseSize } from "./Values.ts"

interface Input extends TlsFlags.Given {
  readonly url: string
  readonly dataUrl: Option.Option<string>
  readonly hostname: Option.Option<string>
  readonly session: Option.Option<string>
  readonly live: Option.Option<Duration.Duration>
  readonly sessions: number
  readonly streams: number
  readonly packetSize: number
  readonly rate: Option.Option<number>
  readonly packets: Option.Option<number>
  readonly duration: Option.Option<Duration.Duration>
  readonly reconnect: boolean
  readonly json: boolean
}

const load = Effect.fnUntraced(function* (input: Input, onProgress: (progress: Loader.Progress) => void) {
  const target = yield* Streaming.target(input)
  const packetTotal = input.packets._tag === "Some" ? input.packets.value * input.streams * input.sessions : undefined
  const bar = yield* Bar.make("{packets} packets | {size}", packetTotal)
  const summary = yield* Loader.run(target, {
    sessionCount: input.sessions,
    streamCount: input.streams,
    packetBytes: input.packetSize,
    reconnect: input.reconnect,
    ...Streaming.given("rate", input.rate),
    ...Streaming.given("packetCount", input.packets),
    ...Streaming.given("duration", input.duration),
    ...Streaming.given("liveTimer", input.live),
    ...Streaming.given("sessionName", input.session),
    onProgress: (progress) => {
      onProgress(progress)
      const { bytes, packets } = progress
      bar.update(packets, { packets: String(packets), size: Output.bytes(bytes) })
    }
  })
  onProgress(summary)
})

const print = (input: Input, done: Loader.Summary) => {
  if (input.json) return Output.printJson(done)
  const rate = done.seconds === 0 ? "" : `, ${Math.round(done.packets / done.seconds)} packets/s`
  const amount = `${Output.plural(done.packets, "packet")}, ${Output.bytes(done.bytes)}`
  return Console.log(`${Output.plural(done.sessionsStarted, "session")}: ${amount} in ${done.seconds} s${rate}`)
}

const run = (input: Input) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const done = { packets: 0, bytes: 0, seconds: 0, sessionsStarted: 0 }
    const loading = load(input, (progress) => Object.assign(done, progress))
    const summary = Effect.flatMap(Clock.currentTimeMillis, (end) =>
      print(input, { ...done, seconds: (end - start) / 1000 })
    )
    yield* Output.summarized(Effect.scoped(loading), () => summary)
  })

const count = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value > 0,
      () => "must be above 0"
    ),
    Flag.withDescription(description)
  )

export const command = Command.make(
  "load",
  {
    url: Streaming.url,
    ...Streaming.flags,
    sessions: count("sessions", "Sessions at once (default: 1)").pipe(Flag.withDefault(1)),
    streams: count("streams", "Streams of each session (default: 1)").pipe(Flag.withDefault(1)),
    packetSize: Flag.String("packet-size").pipe(
      Flag.mapTryCatch(parseSize, messageOf),
      Flag.filter(
        (size) => size >= packetBytesMin,
        () => `must be at least ${packetBytesMin}`
      ),
      Flag.withDefault(4096),
      Flag.withDescription("Bytes of a packet, as 4096, 64k or 1M (default: 4k)")
    ),
    rate: count("rate", "Packets a second of each stream (default: as fast as possible)").pipe(Flag.optional),
    packets: count("packets", "Packets of each stream (default: 1000, unless --duration)").pipe(Flag.optional),
    duration: Flag.String("duration").pipe(
      Flag.mapTryCatch(parseDuration, messageOf),
      Flag.optional,
      Flag.withDescription("Stop after this time, as 30s or 5m")
    ),
    reconnect: Flag.Boolean("reconnect").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Start a session again when its relay goes away")
    ),
    json: Output.jsonFlag
  },
  (input) => Output.reported(run(input))
).pipe(
  Command.withDescription("Stream synthetic sessions to a relay: real traces with numbered events, load:tick"),
  Command.withExamples([
    { command: "lttng-relay load --streams=8 --packet-size=64k --duration=30s net://relay", description: "Throughput" },
    {
      command: "lttng-relay load --sessions=100 --live=1s --rate=1 --duration=5m net://relay",
      description: "Live, idle"
    }
  ])
)
