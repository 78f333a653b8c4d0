/** `bench`: its options, what is refused of them, and what they come to. */
import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import * as path from "node:path"
import { Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Failed } from "../src/cli/Failed.ts"
import * as Flags from "../src/cli/Flags.ts"
import { Misused } from "../src/cli/Misused.ts"
import * as Output from "../src/cli/Output.ts"
import * as SystemError from "../src/errors/SystemError.ts"
import type * as Case from "./Case.ts"
import * as Cases from "./Cases.ts"
import * as Compare from "./Compare.ts"
import * as Congestion from "./Congestion.ts"
import * as Disk from "./Disk.ts"
import * as Generator from "./Generator.ts"
import * as Link from "./Link.ts"
import * as Place from "./Place.ts"
import * as Progress from "./Progress.ts"
import * as Quantity from "./Quantity.ts"
import * as Reference from "./Reference.ts"
import type * as Relay from "./Relay.ts"
import * as Rounds from "./Rounds.ts"
import * as Running from "./Running.ts"

const text = <A>(name: string, parse: (text: string) => A, description: string) =>
  Flag.String(name).pipe(
    Flag.mapTryCatch(parse, SystemError.messageOf),
    Flag.optional,
    Flag.withDescription(description)
  )

const positive = (value: number) => value > 0

const flags = {
  scenarios: Argument.String("scenario").pipe(
    Argument.variadic(),
    Argument.withDescription("A case, or all whose name contains this (default: all); bench --list has them")
  ),
  files: Flag.String("case").pipe(
    Flag.atLeast(0),
    Flag.withDescription("A case file of your own, by bench/case.schema.json; may be given several times")
  ),
  list: Flags.toggle("list", "Print the cases and end"),
  rounds: Flag.Int("rounds").pipe(
    Flag.filter(positive, () => "must be above 0"),
    Flag.withDefault(3),
    Flag.withDescription("Runs of each case and relay, in turn; the report has medians (default: 3)")
  ),
  seconds: Flag.Finite("seconds").pipe(
    Flag.filter(positive, () => "must be above 0"),
    Flag.optional,
    Flag.withDescription("Length of each run (default: the case's); windows and stalls are scaled with it")
  ),
  only: Flag.Literals("only", ["ours", "reference", "null"]).pipe(
    Flag.optional,
    Flag.withDescription("Measure one of the two, or the null relay: what the generator and the network can do")
  ),
  reference: Flag.String("reference").pipe(
    Flag.optional,
    Flag.withDescription("The lttng-relayd to compare with (default: LTTng's in PATH)")
  ),
  relay: Flag.String("relay").pipe(
    Flag.optional,
    Flag.withDescription("net://HOST[:CONTROL[:DATA[:LIVE]]] of a relay that runs: measured in place of the two")
  ),
  generator: Flag.Literals("generator", Generator.kinds).pipe(
    Flag.withDefault("loop" as const),
    Flag.withDescription("Targets: one event loop for all, or a blocking thread for each session (default: loop)")
  ),
  output: Flag.String("output").pipe(
    Flag.withDefault(Place.memory),
    Flag.withDescription(`Where relays write: a directory on the disk to measure (default: ${Place.memory})`)
  ),
  out: Flag.String("out").pipe(Flag.optional, Flag.withDescription("Where the report goes (default: results/TIME)")),
  check: Flags.toggle("check", "End with status 1 if a floor is missed"),
  smoke: Flags.toggle("smoke", "Every case in a fraction of a second: does it run at all"),
  link: text("link", Quantity.bitsPerSecond, "Rate of the network, as 20Mbit/s or 5MB/s, in each direction"),
  rtt: text("rtt", Quantity.milliseconds, "Round-trip time of the network, as 100ms"),
  jitter: text("jitter", Quantity.milliseconds, "The round trip takes up to this much more or less, as 20ms"),
  segment: Flag.Int("segment").pipe(
    Flag.filter(positive, () => "must be above 0"),
    Flag.optional,
    Flag.withDescription("What the network carries arrives in pieces of at most so many bytes")
  ),
  lossBurst: text("loss-burst", Quantity.recurring, "The network is gone again and again, as 1s@5s: one of every five"),
  cut: text("cut", Quantity.cut, "Once, to all connections: reset@3s, half-open@3s or half-close@3s"),
  between: Flag.Literals("link-of", ["targets", "viewers", "all"]).pipe(
    Flag.optional,
    Flag.withDescription("Whose network it is (default: targets)")
  ),
  linkBy: Flag.Literals("link-by", Link.ways).pipe(
    Flag.optional,
    Flag.withDescription(
      "The network: a proxy, or the kernel's veth and tc, with root (default: proxy; for lttng, kernel)"
    )
  ),
  tcp: Flag.String("tcp").pipe(
    Flag.optional,
    Flag.withDescription("Congestion control of loopback, as cubic, with root (default: the system's)")
  ),
  disk: text("disk", Quantity.bytesPerSecond, "Rate of the disk, as 5MB/s"),
  diskLatency: text("disk-latency", Quantity.milliseconds, "More for each operation of the disk, as 5ms"),
  stall: text("stall", Quantity.recurring, "The disk stalls again and again, as 2s@10s: two of every ten seconds"),
  diskOf: text(
    "disk-of",
    Quantity.extent,
    "Whose disk it is: all, host:NAME, or every:N, each n-th session (default: all)"
  ),
  diskBy: Flag.Literals("disk-by", Disk.ways).pipe(
    Flag.optional,
    Flag.withDescription("The disk: bindfs, or slow files inside our relay (default: bindfs where it is installed)")
  )
}

type Input = {
  readonly [Name in keyof typeof flags]: (typeof flags)[Name] extends Flag.Flag<infer A> ? A : ReadonlyArray<string>
}

const compact = <A extends object>(given: { readonly [Name in keyof A]: Option.Option<NonNullable<A[Name]>> }): A =>
  Object.fromEntries(
    Object.entries<Option.Option<unknown>>(given).flatMap(([name, value]) =>
      Option.isSome(value) ? [[name, value.value]] : []
    )
  ) as A

const linkOf = (input: Input): Case.Link | undefined => {
  const conditions: Case.Link = compact<Required<Case.Link>>({
    between: input.between,
    bitsPerSecond: input.link,
    rttMs: input.rtt,
    jitterMs: input.jitter,
    segmentBytes: input.segment,
    outage: input.lossBurst,
    cut: input.cut
  })
  if (Object.keys(conditions).length === 0) return undefined
  if (!Cases.isAny(conditions)) throw new Misused("--link-of needs a --link, --rtt, --loss-burst or the like")
  return conditions
}

const diskOf = (input: Input): Case.Disk | undefined => {
  const slow: Case.Disk = compact<Pick<Required<Case.Disk>, "writeBytesPerSecond" | "latencyMs" | "stall">>({
    writeBytesPerSecond: input.disk,
    latencyMs: input.diskLatency,
    stall: input.stall
  })
  const isAny = Object.keys(slow).length > 0
  if (!isAny && Option.isSome(input.diskOf)) {
    throw new Misused("--disk-of needs a --disk, --disk-latency or --stall")
  }
  return isAny ? { ...slow, ...Option.getOrElse(input.diskOf, () => ({})) } : undefined
}

/** Of the given length, or as long as what recurs needs. */
const inLength = (whole: Case.Case, seconds: Option.Option<number>): Case.Case => {
  const least = Cases.leastSeconds(whole)
  if (Option.isNone(seconds)) return whole.seconds < least ? Cases.lasting(whole, least) : whole
  if (seconds.value < least) {
    throw new Misused(`--seconds ${seconds.value}: ${whole.name} needs ${least}, or nothing would happen in it`)
  }
  return Cases.lasting(whole, seconds.value)
}

const casesOf = (input: Input): ReadonlyArray<Case.Case> => {
  const all = Cases.loadAll()
  const own = input.files.map(Cases.read)
  const unknown = input.scenarios.find((word) => !all.some(({ name }) => name.includes(word)))
  if (unknown !== undefined) throw new Misused(`no case's name contains "${unknown}": bench --list has them`)
  // A whole name is that case, and not those that begin with it.
  const isMeant = (word: string, name: string) =>
    all.some((whole) => whole.name === word) ? name === word : name.includes(word)
  const isChosen = ({ name }: Case.Case) => input.scenarios.some((word) => isMeant(word, name))
  const isAll = input.scenarios.length === 0 && own.length === 0
  const conditions = { link: linkOf(input), disk: diskOf(input) }
  return [...(isAll ? all : all.filter(isChosen)), ...own]
    .map((whole) => inLength(Cases.under(whole, conditions), input.seconds))
    .map((whole) => (input.smoke ? Cases.tiny(whole) : whole))
}

const kindsOf = ({ only, relay }: Input): ReadonlyArray<Relay.Kind> => {
  if (Option.isSome(relay)) {
    if (Option.isSome(only)) throw new Misused("--relay and --only: one of them")
    return ["running", "null"]
  }
  const chosen: ReadonlyArray<Relay.Kind> = Option.isSome(only) ? [only.value] : ["ours", "reference"]
  return [...new Set([...chosen, "null" as const])]
}

/** A relay that runs has its connections where it is. */
const enter = ({ relay, tcp }: Input): void => {
  if (Option.isNone(tcp)) return
  if (Option.isSome(relay)) throw new Misused("--relay and --tcp: one of them")
  const reason = Congestion.missing(tcp.value)
  if (reason !== undefined) throw new Misused(`--tcp ${tcp.value}: ${reason}`)
  Congestion.enter(tcp.value)
}

/** Whatever is wrong is thrown, before anything is begun. */
const settingsOf = (input: Input, running: Rounds.Settings["others"]["running"]): Rounds.Settings => {
  const kinds = kindsOf(input)
  const output = path.resolve(input.output)
  if (!existsSync(output) || !statSync(output).isDirectory()) {
    throw new Misused(`--output ${input.output}: there is no such directory`)
  }
  const given = Option.getOrUndefined(input.reference)
  const find = () => (given === undefined ? Reference.installed() : Reference.named(given))
  const stamp = new Date().toISOString().replace(/[:.]/g, "-")
  const canMount = Disk.missing([], "bindfs") === undefined && Option.isNone(input.diskLatency)
  return {
    cases: casesOf(input),
    kinds,
    others: {
      reference: kinds.includes("reference") ? find() : undefined,
      running
    },
    rounds: input.smoke ? 1 : input.rounds,
    generator: input.generator,
    output,
    out: path.resolve(Option.getOrElse(input.out, () => path.join(Place.results, stamp))),
    linkBy: Option.getOrUndefined(input.linkBy),
    diskBy: Option.getOrElse(input.diskBy, () => (canMount ? "bindfs" : "files")),
    smoke: input.smoke
  }
}

/** What is wrong with the arguments; any other cause is a defect. */
const refused = (cause: unknown): Misused => {
  if (cause instanceof Misused) return cause
  throw cause
}

/** A checkout's relay is what its sources say now. */
const build = Effect.suspend(() => {
  if (!Place.isCheckout || process.env.BENCH_RELAYD !== undefined) return Effect.void
  const { status, stderr } = spawnSync("npm", ["run", "build", "--silent"], { cwd: Place.root, encoding: "utf8" })
  return status === 0 ? Effect.void : Effect.fail(new Failed({ message: `it does not build: ${stderr.trim()}` }))
})

const list = Effect.suspend(() =>
  Effect.forEach(Cases.loadAll(), ({ name, title }) => Progress.print(`${name.padEnd(24)}${title}`), { discard: true })
)

const measure = (input: Input) =>
  Effect.gen(function* () {
    const running = yield* Option.match(input.relay, {
      onNone: () => Effect.succeed(undefined),
      onSome: Running.portsOf
    })
    const settings = yield* Effect.try({ try: () => settingsOf(input, running), catch: refused })
    yield* Effect.try({ try: () => enter(input), catch: refused })
    if (settings.kinds.includes("ours")) yield* build
    const results = yield* Rounds.run(settings)
    const missed = results.flatMap(({ floors, name }) =>
      floors.filter(({ verdict }) => verdict === "fail").map(({ floor }) => `${name} ${floor.metric}`)
    )
    if (input.check && missed.length > 0) {
      return yield* new Failed({ message: `${Output.plural(missed.length, "floor")} missed: ${missed.join(", ")}` })
    }
  })

const decode = Command.make(
  "decode",
  {
    directories: Argument.String("directory").pipe(
      Argument.variadic(),
      Argument.withDescription("Recorded traces (default: two of the corpus beside a checkout)")
    ),
    rounds: Flag.Int("rounds").pipe(
      Flag.filter(positive, () => "must be above 0"),
      Flag.withDefault(3),
      Flag.withDescription("The best of so many rounds counts (default: 3)")
    )
  },
  ({ directories, rounds }) =>
    Output.reported(
      Effect.tryPromise({
        try: async () => (await import("./Decode.ts")).run(directories, rounds),
        catch: (cause) => new Failed({ message: SystemError.messageOf(cause) })
      })
    )
).pipe(Command.withDescription("Recorded traces decoded and printed, beside babeltrace2; no relay takes part"))

const hostile = Command.make(
  "hostile",
  {
    load: Argument.String("load").pipe(
      Argument.withDefault(""),
      Argument.withDescription("How the load's name begins: 1 or 8 (default: both)")
    ),
    rounds: Flag.Int("rounds").pipe(
      Flag.filter(positive, () => "must be above 0"),
      Flag.withDefault(5),
      Flag.withDescription("Each with and without the clients, in turn; medians are printed (default: 5)")
    ),
    seconds: Flag.Finite("seconds").pipe(
      Flag.filter(positive, () => "must be above 0"),
      Flag.withDefault(2),
      Flag.withDescription("Length of each run (default: 2)")
    )
  },
  ({ load, rounds, seconds }) =>
    Output.reported(
      Effect.tryPromise({
        try: async () => (await import("./Hostile.ts")).run(seconds, rounds, load),
        catch: (cause) => new Failed({ message: SystemError.messageOf(cause) })
      })
    )
).pipe(Command.withDescription("Answer times beside 200 hostile HTTP clients, and beside such at another relay"))

const compare = Command.make(
  "compare",
  {
    before: Argument.String("before").pipe(Argument.withDescription("A report's directory, or its report.json")),
    after: Argument.String("after").pipe(Argument.withDescription("Another's"))
  },
  ({ after, before }) =>
    Output.reported(
      Effect.flatMap(
        Effect.try({
          try: () => Compare.compare(Compare.read(before), Compare.read(after)),
          catch: refused
        }),
        Progress.print
      )
    )
).pipe(
  Command.withDescription("Two reports beside each other: what became better or worse, beyond the spread of rounds")
)

export const command = Command.make("bench", flags, (input) =>
  Output.reported(input.list ? list : measure(input as Input))
).pipe(
  Command.withSubcommands([compare, decode, hostile]),
  Command.withDescription("Measures relays: ours, LTTng's, or one that runs; on any disk, behind any network"),
  Command.withExamples([
    { command: "bench large-packets one-session", description: "Two cases, ours beside the installed lttng-relayd" },
    { command: "bench --disk 5MB/s --stall 2s@10s large-packets", description: "On a slow disk that stalls" },
    {
      command: "bench --link 20Mbit/s --rtt 100ms --jitter 20ms control-latency",
      description: "Behind a slow network"
    },
    { command: "bench --case mine.json --output /var/tmp", description: "A case of your own, on a disk" },
    { command: "bench --relay net://relay:5342:5343 one-session", description: "A relay that runs already" }
  ])
)
