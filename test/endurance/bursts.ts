/**
 * A burst of a real tracer before an edge whose link to its relay is slow: the kernel's token bucket on a pair of
 * interfaces, the relay in a network namespace at the far end. The tracer is stopped and destroyed when the edge has
 * the burst; the relay has it when the link has carried it. What it makes of it is what a relay on the traced host
 * makes of it, which records the same at the same time: the edge's copy.
 */
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import * as Namespace from "../../bench/Namespace.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

export interface Options {
  readonly megabytes: number
  readonly megabitsPerSecond: number
  readonly edge?: ReadonlyArray<string>
  readonly onStep?: (line: string) => void
}

export interface Outcome {
  readonly events: number
  readonly packets: number
  readonly burstBytes: number
  /** In seconds, one after the other. */
  readonly emitting: number
  readonly stopping: number
  readonly destroying: number
  readonly arriving: number
  /** Of the edge. */
  readonly peakMebibytes: number
}

/** With its header, an event of `textBytes`. */
const eventBytes = 1000
const textBytes = eventBytes - 30

export const missing = (): string | undefined => Namespace.missing({ bitsPerSecond: 1e6 })

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const from = performance.now()
    return Effect.map(effect, () => (performance.now() - from) / 1000)
  })

/** Texts are left out on the way: they are longer than a string may be. */
const readout = (directory: string) =>
  Effect.map(
    Process.run("sh", ["-c", `babeltrace2 --clock-cycles "$1" | sed 's/, text = .*/ }/'`, "sh", directory], {
      timeoutSeconds: 300
    }),
    ({ stderr, stdout }) => Babeltrace.parse(stdout, stderr)
  )

const peakMebibytes = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

export const burst = ({ edge: args = [], megabitsPerSecond, megabytes, onStep = () => undefined }: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const bitsPerSecond = megabitsPerSecond * 1e6
      const network = yield* Namespace.make({ bitsPerSecond })
      const relay = yield* Relays.start("ours", { host: network.insideAddress, network: network.name })
      const copy = yield* Relays.temporaryDirectory("copy")
      const live = `--live=127.0.0.1:${yield* Ports.free}`
      const edge = yield* Edges.start(relay, { args: ["--spool-limit=2G", `--copy=${copy}`, live, ...args] })
      const tracing = yield* Lttng.start
      yield* network.begin
      const count = (megabytes * 1e6) / eventBytes
      yield* Lttng.record(tracing, edge, "burst", { channel: ["--subbuf-size=256k"] })
      const emitting = yield* timed(tracing.emit({ count, tockEvery: 1, textBytes }))
      const stopping = yield* timed(tracing.lttng("stop"))
      const destroying = yield* timed(tracing.lttng("destroy"))
      const { spoolBytes } = yield* Effect.delay(Edges.status(edge), "1100 millis")
      onStep(`emitted in ${emitting} s, stopped in ${stopping} s, destroyed in ${destroying} s, spool ${spoolBytes}`)
      const seconds = (2 * megabytes * 8) / megabitsPerSecond + 30
      const arriving = yield* timed(Edges.forwarded(edge, seconds))
      onStep(`all at the relay after ${arriving} s`)
      const recorded = Babeltrace.sessionDirectory(relay.output, "burst")
      yield* Process.run("diff", ["-r", recorded, Babeltrace.sessionDirectory(copy, "burst")])
      Babeltrace.assertExactly(yield* readout(recorded), [{ count }])
      const outcome: Outcome = {
        events: count,
        packets: Babeltrace.assertIndexed(recorded),
        burstBytes: spoolBytes,
        emitting,
        stopping,
        destroying,
        arriving,
        peakMebibytes: peakMebibytes(edge.process.pid)
      }
      return outcome
    })
  )
