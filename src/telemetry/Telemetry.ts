/** Reads all instruments of one relay and its process, when somebody asks. Nothing runs or is kept in between. */
import { readdir, statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Context, Effect, Layer, type Scope } from "effect"
import { Relay } from "../Relay.ts"
import { type ProcessFigures, samples } from "./Reading.ts"
import type { Sample } from "./Sample.ts"

export interface Options {
  /** Of the package, as `--version` says it. */
  readonly version: string
  /** Absolute path of the traces' directory; it need not exist yet. */
  readonly output: string
  /** Descriptors the relay may use. */
  readonly descriptorLimit: number
  /** Channels and sessions beyond this have no series of their own. Default 2,000. */
  readonly seriesMax?: number
}

export interface Service {
  readonly samples: Effect.Effect<ReadonlyArray<Sample>>
  readonly process: Effect.Effect<ProcessFigures>
}

export class Telemetry extends Context.Service<Telemetry, Service>()("lttng-relay/Telemetry") {}

const seriesMaxDefault = 2000

/** How often the delay of the loop is looked at: a timer of its own, so only where telemetry is on. */
const loopDelayMillis = 20

/** Of the file system that traces go to: the directory itself may be made later. */
const space = (directory: string): Effect.Effect<Pick<ProcessFigures, "freeBytes" | "totalBytes">> =>
  Effect.tryPromise(() => statfs(directory)).pipe(
    Effect.map(({ bavail, blocks, bsize }) => ({ freeBytes: bavail * bsize, totalBytes: blocks * bsize })),
    Effect.catch(() => (directory === "/" ? Effect.succeed({}) : space(dirname(directory))))
  )

const openDescriptors: Effect.Effect<number> = Effect.tryPromise(() => readdir("/proc/self/fd")).pipe(
  Effect.map((names) => names.length),
  Effect.orElseSucceed(() => 0)
)

const loopDelay: Effect.Effect<() => ProcessFigures["loopDelay"], never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution: loopDelayMillis })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable())
  ),
  (histogram) => () => {
    // Includes the timer's own interval.
    const seconds = (nanos: number) => (Number.isFinite(nanos) ? Math.max(0, nanos / 1e9 - loopDelayMillis / 1e3) : 0)
    const read = {
      median: seconds(histogram.percentile(50)),
      p99: seconds(histogram.percentile(99)),
      max: seconds(histogram.max)
    }
    histogram.reset()
    return read
  }
)

const make = (options: Options) =>
  Effect.gen(function* () {
    const relay = yield* Relay
    const readLoopDelay = yield* loopDelay
    const startSeconds = Date.now() / 1000 - process.uptime()
    const figures: Effect.Effect<ProcessFigures> = Effect.gen(function* () {
      const ofDisk = yield* space(options.output)
      const descriptors = yield* openDescriptors
      const { user, system } = process.cpuUsage()
      const { rss, heapUsed } = process.memoryUsage()
      return {
        version: options.version,
        node: process.version,
        startSeconds,
        cpuUserSeconds: user / 1e6,
        cpuSystemSeconds: system / 1e6,
        residentBytes: rss,
        heapBytes: heapUsed,
        loopDelay: readLoopDelay(),
        openDescriptors: descriptors,
        descriptorLimit: options.descriptorLimit,
        ...ofDisk
      }
    })
    const all = Effect.gen(function* () {
      const ownFigures = yield* figures
      const counters = yield* relay.counters
      const sessions = yield* relay.sessions
      const connections = yield* relay.connections
      const activity = yield* relay.activity
      yield* Effect.yieldNow
      return samples({
        nowMillis: Date.now(),
        counters,
        sessions,
        connections,
        activity,
        process: ownFigures,
        seriesMax: options.seriesMax ?? seriesMaxDefault
      })
    })
    return Telemetry.of({ samples: all, process: figures })
  })

export const layer = (options: Options): Layer.Layer<Telemetry, never, Relay> => Layer.effect(Telemetry, make(options))
