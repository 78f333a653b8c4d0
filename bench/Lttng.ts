/**
 * The case with real peers: `lttng` traces an application as fast as it runs, over a link that is far too slow.
 *
 * The session daemon lives in a network namespace behind a token bucket, and in a mount namespace with a /run and
 * /dev/shm of its own. The tracer may discard events (its buffers are full most of the time) but must say how many:
 * what was emitted is what Babeltrace reads plus what the trace declares discarded. Anything else was lost on the way.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type { Bench } from "./Bench.ts"
import type { Case } from "./Case.ts"
import type { Measurement } from "./Measurement.ts"
import * as Namespace from "./Namespace.ts"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"
import * as Relay from "./Relay.ts"

const eventsPerRun = 200_000
const commandLimitSeconds = 60

/** The reason this case cannot run here, if there is one. */
export const missing = (whole: Case): string | undefined => {
  const tools = ["cc", "lttng", "lttng-sessiond", "babeltrace2", "unshare", "nsenter"]
  const absent = tools.filter((tool) => !Process.has(tool))
  if (absent.length > 0) return `${absent.join(", ")} not installed`
  return Namespace.missing(whole.link ?? {})
}

const expect = (command: string, args: ReadonlyArray<string>) =>
  Effect.flatMap(Process.run(command, args), ({ code, output }) =>
    code === 0
      ? Effect.succeed(output)
      : Effect.fail(new Process.CannotRun({ reason: `${[command, ...args].join(" ")}: ${oneLine(output)}` }))
  )

const oneLine = (text: string) => text.trim().replaceAll(/\s+/g, " ")

const buildApplication = (folder: string) =>
  Effect.gen(function* () {
    const program = path.join(folder, "demo-app")
    const source = path.join(Place.demo, "demo-app.c")
    yield* expect("cc", ["-O2", `-I${Place.demo}`, "-o", program, source, "-llttng-ust", "-ldl"])
    return program
  })

interface Tracing {
  readonly inside: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<Process.Outcome>
}

const sessionDaemon = (namespace: string, home: string): Effect.Effect<Tracing, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    fs.mkdirSync(home, { recursive: true })
    const env = { HOME: home, LTTNG_HOME: home, LTTNG_UST_REGISTER_TIMEOUT: "-1" }
    const isolate = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && exec "$@"'
    const command = ["lttng-sessiond", "--no-kernel"]
    const running = yield* Process.spawn(
      "ip",
      ["netns", "exec", namespace, "unshare", "--mount", "sh", "-c", isolate, "sh", ...command],
      { env }
    )
    const run = `/proc/${running.pid}/root/run`
    const sockets = ["client-lttng-sessiond", "lttng-ust-sock-8"].map((name) => `${run}/lttng/${name}`)
    // Before it has a /run of its own the process sees the machine's, and the operator's daemon in it.
    const isPrivate = () => fs.statSync(run, { throwIfNoEntry: false })?.dev !== fs.statSync("/run").dev
    yield* Effect.tryPromise({
      try: async () => {
        const until = Date.now() + 10_000
        while (!isPrivate() || !sockets.every((socket) => fs.existsSync(socket))) {
          if (Date.now() > until) throw new Error(running.complaint())
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      },
      catch: (cause) => new Process.CannotRun({ reason: `lttng-sessiond did not start: ${cause}` })
    })
    const limit = ["timeout", String(commandLimitSeconds)]
    const enter = ["-t", String(running.pid), "--mount", "--net", "--"]
    return { inside: (command, ...args) => Process.run("nsenter", [...enter, ...limit, command, ...args], env) }
  })

const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const from = performance.now()
    const value = yield* effect
    return [(performance.now() - from) / 1000, value] as const
  })

/** Babeltrace's word on the trace: does it parse to the end, how many events, how many declared discarded. */
const read = (traces: string, folder: string) =>
  Effect.gen(function* () {
    const [events, complaints] = [path.join(folder, "events"), path.join(folder, "complaints")]
    const script = 'babeltrace2 "$1" > "$2" 2> "$3"'
    const { code } = yield* Process.run("sh", ["-c", script, "sh", traces, events, complaints])
    const { output } = yield* Process.run("wc", ["-l", events])
    const warnings = fs.readFileSync(complaints, "utf8")
    const discarded = [...warnings.matchAll(/discarded (\d+) event/g)].reduce(
      (sum, [, count]) => sum + Number(count),
      0
    )
    return { readable: code === 0, events: Number.parseInt(output, 10), discarded }
  })

const trace = (tracing: Tracing, relay: Relay.Relay, address: string, program: string, seconds: number) =>
  Effect.gen(function* () {
    const lttng = (...args: ReadonlyArray<string>) =>
      Effect.flatMap(tracing.inside("lttng", "--no-sessiond", ...args), ({ code, output }) =>
        code === 0
          ? Effect.void
          : Effect.fail(new Process.CannotRun({ reason: `lttng ${args[0]}: ${oneLine(output)}` }))
      )
    yield* lttng("create", "bench", "-U", `net://${address}:${relay.ports.control}:${relay.ports.data}`)
    yield* lttng("enable-channel", "-u", "--subbuf-size=256k", "--num-subbuf=4", "ch")
    yield* lttng("enable-event", "-u", "demo:*", "-c", "ch")
    yield* lttng("start")
    const cpuSeconds = () => Relay.usage(relay)?.cpuSeconds ?? Number.NaN
    const cpuBefore = cpuSeconds()
    const until = performance.now() + seconds * 1000
    let emitted = 0
    while (performance.now() < until) {
      const { code, output } = yield* tracing.inside(program, String(eventsPerRun))
      if (code !== 0) return yield* new Process.CannotRun({ reason: `demo application: ${output}` })
      emitted += eventsPerRun
    }
    const [stopSeconds] = yield* timed(lttng("stop"))
    const [destroySeconds] = yield* timed(lttng("destroy", "bench"))
    return { emitted, stopSeconds, destroySeconds, cpuSeconds: cpuSeconds() - cpuBefore }
  })

export const measure = (
  whole: Case,
  kind: Relay.Kind,
  bench: Bench,
  /** Memory for the traces; and a folder elsewhere, since the tracing side sees an empty /dev/shm. */
  folder: string,
  homeFolder: string
): Effect.Effect<Measurement, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const settings = whole.lttng
    if (settings === undefined) return yield* new Process.CannotRun({ reason: "the case has no lttng part" })
    const program = yield* buildApplication(homeFolder)
    const namespace = yield* Namespace.make(whole.link ?? {})
    const { relayAddress } = namespace
    const output = path.join(folder, "traces")
    fs.mkdirSync(output, { recursive: true })
    const { generator, others } = bench
    const relay = yield* Relay.start({ kind, others, generator, output, scratch: folder, address: relayAddress })
    const idleMiB = Relay.usage(relay)?.residentMiB ?? Number.NaN
    yield* namespace.begin
    const tracing = yield* sessionDaemon(namespace.name, path.join(homeFolder, "home"))
    const traced = yield* trace(tracing, relay, relayAddress, program, whole.seconds)
    const rssPeakMiB = Relay.usage(relay)?.peakMiB ?? Number.NaN
    const found = yield* read(output, homeFolder)
    return {
      metrics: {
        eventsUnaccounted: traced.emitted - found.events - found.discarded,
        eventsEmitted: traced.emitted,
        eventsRead: found.events,
        eventsDiscarded: found.discarded,
        traceReadable: found.readable ? 1 : 0,
        stopSeconds: traced.stopSeconds,
        destroySeconds: traced.destroySeconds,
        relayCpuSeconds: traced.cpuSeconds,
        rssPeakMiB,
        rssIdleMiB: idleMiB,
        startMs: relay.startMs
      },
      timelines: {},
      memory: [],
      errors: []
    }
  })
