/** Reads all instruments of one relay and its process, when somebody asks. In between only the loop is measured. */
import { readdir } from "node:fs/promises"
import { Context, Effect, Layer } from "effect"
import { uptimeSeconds, wallMillis } from "../Machine.ts"
import { Relay } from "../Relay.ts"
import type { Device } from "./Device.ts"
import { Devices } from "./Devices.ts"
import * as LoopDelay from "./LoopDelay.ts"
import { type ProcessFigures, steps } from "./Reading.ts"
import type { Sample } from "./Sample.ts"

export interface Options {
  /** The package's version, as `--version` prints it. */
  readonly version: string
  /** Absolute path of the traces' directory; it need not exist yet. */
  readonly output: string
  /** Number of descriptors that the relay may use. */
  readonly descriptorLimit: number
  /** See `Reading`. */
  readonly refusedFiles?: ReadonlyMap<string, boolean>
  /** Samples beside the relay's. */
  readonly moreSamples?: () => ReadonlyArray<Sample>
}

export interface Service {
  /** All samples, those of one instrument one after the other. */
  readonly samples: (reader: LoopDelay.Reader) => Effect.Effect<Iterable<Sample>>
  /** The process's figures, for the operator; the loop's delay is that since they were read last. */
  readonly process: Effect.Effect<ProcessFigures>
  /** The same without the loop's delay, so that reading it takes nothing from the operator. */
  readonly state: Effect.Effect<Omit<ProcessFigures, "loopDelay">>
  /** The devices that traces are on, the output's first. */
  readonly devices: Effect.Effect<ReadonlyArray<Device>>
}

export class Telemetry extends Context.Service<Telemetry, Service>()("lttng-relay/Telemetry") {}

/** Channels and sessions beyond this have no series of their own. */
const seriesMax = 2000

/** Without the one by which they are counted. */
const openDescriptors: Effect.Effect<number> = Effect.tryPromise(() => readdir("/proc/self/fd")).pipe(
  Effect.map((names) => names.length - 1),
  Effect.orElseSucceed(() => 0)
)

/** By so much the wall clock is set at least where the process's start is told anew. */
const setSecondsMin = 1

/** When the process began, by the wall clock as it is now: the same number as long as that is not set. */
const startOf = (): (() => number) => {
  const begun = () => wallMillis() / 1000 - uptimeSeconds()
  let told = begun()
  return () => {
    const start = begun()
    if (Math.abs(start - told) >= setSecondsMin) told = start
    return told
  }
}

const make = (options: Options) =>
  Effect.gen(function* () {
    const relay = yield* Relay
    const loopDelayFor = yield* LoopDelay.make
    const startSeconds = startOf()
    const ofDevices = new Devices(options.output)
    const devices = Effect.flatMap(relay.devices, (figures) => ofDevices.read(figures))
    const stateWith = Effect.fnUntraced(function* (all: ReadonlyArray<Device>) {
      const { freeBytes, freeFileCount, totalBytes } = all.find(({ isOutput }) => isOutput) ?? {}
      const outputFault = yield* ofDevices.outputFault
      const descriptors = yield* openDescriptors
      const { user, system } = process.cpuUsage()
      const { rss, heapUsed } = process.memoryUsage()
      return {
        version: options.version,
        node: process.version,
        startSeconds: startSeconds(),
        cpuUserSeconds: user / 1e6,
        cpuSystemSeconds: system / 1e6,
        residentBytes: rss,
        heapBytes: heapUsed,
        openDescriptors: descriptors,
        descriptorLimit: options.descriptorLimit,
        ...(outputFault !== undefined && { outputFault }),
        ...(freeBytes !== undefined && { freeBytes }),
        ...(freeFileCount !== undefined && { freeFileCount }),
        ...(totalBytes !== undefined && { totalBytes })
      } satisfies Omit<ProcessFigures, "loopDelay">
    })
    const figuresFor = (reader: LoopDelay.Reader, all: ReadonlyArray<Device>): Effect.Effect<ProcessFigures> =>
      Effect.map(stateWith(all), (state) => ({ ...state, loopDelay: loopDelayFor(reader) }))
    const samples = Effect.fnUntraced(function* (reader: LoopDelay.Reader) {
      const allDevices = yield* devices
      const ownFigures = yield* figuresFor(reader, allDevices)
      const counters = yield* relay.counters
      const sessions = yield* relay.sessions
      const ended = yield* relay.endedNamesakes
      const activity = yield* relay.activity
      const drain = yield* relay.drain.status
      const tlsEnds = yield* relay.tlsEnds
      const handshakes = yield* relay.handshakes
      yield* Effect.yieldNow
      const work = steps({
        nowMillis: wallMillis(),
        counters,
        sessions,
        ended,
        activity,
        drain,
        devices: allDevices,
        tlsEnds,
        handshakes,
        process: ownFigures,
        refusedFiles: options.refusedFiles,
        seriesMax,
        more: options.moreSamples?.()
      })
      for (;;) {
        const { done, value } = work.next()
        if (done === true) return value
        yield* Effect.yieldNow
      }
    })
    return Telemetry.of({
      samples,
      process: Effect.flatMap(devices, (found) => figuresFor("operator", found)),
      state: Effect.flatMap(devices, stateWith),
      devices
    })
  })

export const layer = (options: Options): Layer.Layer<Telemetry, never, Relay> => Layer.effect(Telemetry, make(options))
