/** `lttng-relay load`: synthetic sessions against a relay. */
import { Console, Duration, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { clockMillis } from "../../Machine.ts"
import * as Loader from "../../target/Load.ts"
import { packetBytesMax, packetBytesMin } from "../../target/SyntheticTrace.ts"
import * as Bar from "../Bar.ts"
import * as Flags from "../Flags.ts"
import * as Output from "../Output.ts"
import * as Streaming from "./Streaming.ts"

const count = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value > 0,
      () => "must be above 0"
    ),
    Flag.withDescription(description)
  )

const config = {
  url: Streaming.url,
  ...Streaming.flags,
  sessions: count("sessions", "Sessions at once (default: 1)").pipe(Flag.withDefault(1)),
  streams: count("streams", "Streams of each session (default: 1)").pipe(Flag.withDefault(1)),
  packetSize: Flags.size("packet-size").pipe(
    Flag.filter(
      (size) => size >= packetBytesMin && size <= packetBytesMax,
      () => `must be at least ${packetBytesMin}, and at most 1G`
    ),
    Flag.withDefault(4096),
    Flag.withDescription("Bytes of a packet, as 4096, 64k or 1M (default: 4k)")
  ),
  rate: count("rate", "Packets a second of each stream (default: as fast as possible)").pipe(Flag.optional),
  packets: count("packets", "Packets of each stream (default: 1000, unless --duration)").pipe(Flag.optional),
  duration: Flags.duration("duration").pipe(Flag.optional, Flag.withDescription("Stop after this time, as 30s or 5m")),
  reconnect: Flags.toggle("reconnect", "Start a session again when its relay goes away"),
  json: Output.jsonFlag
}

type Input = Flags.Given<typeof config>

/** What is shown while it runs, and at the end. */
interface Figures {
  readonly megabytesPerSecond: number
  readonly packetsPerSecond: number
  readonly answerP50Millis: number | undefined
  readonly answerP99Millis: number | undefined
}

const rounded = (value: number | undefined) => (value === undefined ? undefined : Number(value.toPrecision(4)))

const figuresOf = ({ answerMillis, bytes, packets }: Loader.Progress, seconds: number): Figures => ({
  megabytesPerSecond: seconds === 0 ? 0 : Number((bytes / 1e6 / seconds).toPrecision(4)),
  packetsPerSecond: seconds === 0 ? 0 : Math.round(packets / seconds),
  answerP50Millis: rounded(answerMillis(0.5)),
  answerP99Millis: rounded(answerMillis(0.99))
})

const millis = (value: number | undefined) => (value === undefined ? "–" : `${value} ms`)

/** What the bar counts up to: packets if their number is known, else milliseconds of the duration. */
const totalOf = ({ duration, packets, sessions, streams }: Input): number | undefined => {
  if (packets._tag === "Some") return packets.value * streams * sessions
  return duration._tag === "Some" ? Duration.toMillis(duration.value) : undefined
}

/** The bar is drawn no more often: to draw it for each packet would cost more than the packets. */
const barMillis = 100

const load = Effect.fnUntraced(function* (input: Input, onProgress: (progress: Loader.Progress) => void) {
  const target = yield* Streaming.target(input)
  const bar = yield* Bar.make("{packets} packets | {size} | {rate} MB/s | answers p50 {p50}, p99 {p99}", totalOf(input))
  const start = clockMillis()
  let drawnAt = start
  const draw = (progress: Loader.Progress) => {
    const now = clockMillis()
    if (now - drawnAt < barMillis) return
    drawnAt = now
    const { answerP50Millis, answerP99Millis, megabytesPerSecond } = figuresOf(progress, (now - start) / 1000)
    bar.update(input.packets._tag === "Some" ? progress.packets : now - start, {
      packets: String(progress.packets),
      size: Output.bytes(progress.bytes),
      rate: String(megabytesPerSecond),
      p50: millis(answerP50Millis),
      p99: millis(answerP99Millis)
    })
  }
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
      draw(progress)
    }
  })
  onProgress(summary)
})

const print = (input: Input, done: Loader.Summary) => {
  const figures = figuresOf(done, done.seconds)
  if (input.json) return Output.printJson({ ...done, ...figures })
  const { answerP50Millis, answerP99Millis, megabytesPerSecond, packetsPerSecond } = figures
  const speed = `, ${megabytesPerSecond} MB/s, ${packetsPerSecond} packets/s`
  const answers = `, answers p50 ${millis(answerP50Millis)}, p99 ${millis(answerP99Millis)}`
  const rate = done.seconds === 0 ? "" : `${speed}${answers}`
  const amount = `${Output.plural(done.packets, "packet")}, ${Output.bytes(done.bytes)}`
  return Console.log(`${Output.plural(done.sessionsStarted, "session")}: ${amount} in ${done.seconds} s${rate}`)
}

const run = (input: Input) =>
  Effect.gen(function* () {
    const start = yield* Loader.steadyMillis
    const answerMillis = (): number | undefined => undefined
    const done = { packets: 0, bytes: 0, seconds: 0, sessionsStarted: 0, answerMillis }
    const loading = load(input, (progress) => Object.assign(done, progress))
    const summary = Effect.flatMap(Loader.steadyMillis, (end) =>
      print(input, { ...done, seconds: (end - start) / 1000 })
    )
    yield* Output.summarized(Effect.scoped(loading), () => summary)
  })

export const command = Command.make("load", config, (input) => Output.reported(run(input))).pipe(
  Command.withDescription("Stream synthetic sessions to a relay: real traces with numbered events, load:tick"),
  Command.withExamples([
    { command: "lttng-relay load --streams=8 --packet-size=64k --duration=30s net://relay", description: "Throughput" },
    {
      command: "lttng-relay load --sessions=100 --live=1s --rate=1 --duration=5m net://relay",
      description: "Live, idle"
    }
  ])
)
