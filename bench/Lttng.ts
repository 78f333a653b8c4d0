/**
 * A load by real peers: applications under `lttng`, and a live viewer if the case is live.
 *
 * The tracer may discard events, when its buffers are full, but must say how many: what was emitted is what Babeltrace
 * reads plus what the trace declares discarded. Anything else was lost on the way. What is discarded is what a slow
 * relay costs its users.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type { Case } from "./Case.ts"
import * as Follower from "./Follower.ts"
import type { Linked } from "./Link.ts"
import type { Metrics } from "./Measurement.ts"
import * as Process from "./Process.ts"
import * as Tracer from "./Tracer.ts"

const graceSeconds = 60

const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const from = performance.now()
    yield* effect
    return (performance.now() - from) / 1000
  })

const add = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0)

/** A tracer's counter may be read a little late, and then goes back: Babeltrace prints that as 2^64 less a few. */
const sumOf = (counts: ReadonlyArray<bigint>) =>
  Number(
    BigInt.asIntN(
      64,
      counts.reduce((sum, count) => sum + count, 0n)
    )
  )

/** Babeltrace's word on the trace: does it parse to the end, how many events, how many declared discarded. */
const read = (traces: string, folder: string) =>
  Effect.gen(function* () {
    const [counts, complaints] = [path.join(folder, "counts"), path.join(folder, "complaints")]
    const script = 'babeltrace2 "$1" 2> "$3" | wc -l > "$2"; exit $' + "{PIPESTATUS[0]}"
    const { code } = yield* Process.run("bash", ["-c", script, "bash", traces, counts, complaints])
    const events = Number.parseInt(fs.readFileSync(counts, "utf8"), 10)
    const warnings = fs.readFileSync(complaints, "utf8")
    const discarded = [...warnings.matchAll(/discarded (\d+) event/g)].map(([, count]) => BigInt(count ?? 0))
    return { readable: code === 0, events, discarded: sumOf(discarded) }
  })

type Settings = NonNullable<Case["lttng"]>

const session = "bench"

const channel = (index: number) => `channel${index}`

const begin = ({ lttng }: Tracer.Tracer, settings: Settings, { ports }: Linked) =>
  Effect.gen(function* () {
    const { channels = 1, liveMicros, subbufferBytes = 262_144, subbufferCount = 4 } = settings
    const live = liveMicros === undefined ? [] : [`--live=${liveMicros}`]
    yield* lttng("create", session, ...live, "-U", `net://${ports.host}:${ports.control}:${ports.data}`)
    for (let index = 0; index < channels; index++) {
      const buffers = [`--subbuf-size=${subbufferBytes}`, `--num-subbuf=${subbufferCount}`]
      yield* lttng("enable-channel", "-u", ...buffers, channel(index))
      yield* lttng("enable-event", "-u", `bench:event${index}`, "-c", channel(index))
    }
    yield* lttng("start")
  })

/** All applications at once; answers how many events they emitted. */
const emit = ({ run }: Tracer.Tracer, program: string, settings: Settings, seconds: number) =>
  Effect.gen(function* () {
    const { applications = 1, channels = 1, eventsPerSecond = 0 } = settings
    const words = [Math.round(seconds * 1000), eventsPerSecond, channels].map(String)
    const outcomes = yield* Effect.forEach(
      Array.from({ length: applications }, (_, source) => String(source)),
      (source) => run(seconds + graceSeconds, program, source, ...words),
      { concurrency: "unbounded" }
    )
    const failed = outcomes.find(({ code }) => code !== 0)
    if (failed !== undefined) return yield* new Process.CannotRun({ reason: `application: ${failed.output}` })
    return add(outcomes.map(({ output }) => Number.parseInt(output, 10)))
  })

export interface Place {
  /** Where the relay writes. */
  readonly output: string
  /** A folder elsewhere, since the tracing side sees an empty /dev/shm. */
  readonly home: string
  /** Of the network, where the tracing side is in one. */
  readonly namespace: string | undefined
}

/** `go` runs as the applications start; `ended` before the trace is read, which others need not wait for. */
export const run = <A, B>(
  whole: Case,
  settings: Settings,
  place: Place,
  linked: Linked,
  go: Effect.Effect<A, Process.CannotRun, Scope.Scope>,
  ended: Effect.Effect<B>
): Effect.Effect<readonly [Metrics, A, B], Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const { home, namespace, output } = place
    const program = yield* Tracer.application(home)
    const tracer = yield* Tracer.make(path.join(home, "home"), namespace)
    yield* begin(tracer, settings, linked)
    const { liveMicros, viewer } = settings
    const follower = liveMicros === undefined ? undefined : yield* Follower.make(linked.ports, session, viewer)
    const before = yield* go
    const emitted = yield* emit(tracer, program, settings, whole.seconds)
    const stopSeconds = yield* timed(tracer.lttng("stop"))
    const destroySeconds = yield* timed(tracer.lttng("destroy", session))
    const after = yield* ended
    const seen = follower === undefined ? {} : yield* follower.metrics
    const found = yield* read(output, home)
    const metrics = {
      eventsUnaccounted: emitted - found.events - found.discarded,
      eventsEmitted: emitted,
      eventsRead: found.events,
      eventsDiscarded: found.discarded,
      eventsLostShare: found.discarded / emitted,
      traceReadable: found.readable ? 1 : 0,
      stopSeconds,
      destroySeconds,
      ...seen
    }
    return [metrics, before, after] as const
  })
