/**
 * An edge between the generator and a relay: the generator is answered by it, and a run lasts until the relay has
 * everything. Its processor time and its memory are counted apart.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import type { Ports } from "./Link.ts"
import * as Place from "./Place.ts"
import * as Process from "./Process.ts"
import type { Kind } from "./Relay.ts"

export interface Edge {
  readonly running: Process.Running
  readonly ports: Ports
  /** Answers how long it took, in seconds, until the relay has everything. */
  readonly drained: Effect.Effect<number, Process.CannotRun>
}

/** Why there can be none before this relay. */
export const missing = (kind: Kind): string | undefined => {
  if (kind === "null") return "an edge asks what it does not answer"
  if (kind === "running") return "an edge before a relay that runs already is not ours to start"
  return fs.existsSync(Place.toolbox) ? undefined : `${Place.toolbox} does not exist: npm run build`
}

const lookMillis = 10
const drainMillisMax = 120_000

export const start = (ports: Ports, folder: string): Effect.Effect<Edge, Process.CannotRun, Scope.Scope> =>
  Effect.gen(function* () {
    const [control = 0, data = 0] = yield* Process.freePorts(2)
    const spool = path.join(folder, "spool")
    const to = `--to=net://${ports.host}:${ports.control}:${ports.data}`
    const args = [Place.toolbox, "edge", to, `--listen=127.0.0.1:${control},${data}`, `--spool=${spool}`]
    const running = yield* Process.spawn(process.execPath, args)
    yield* Process.listening(running, control)
    yield* Process.quiet(running.pid)
    const isEmpty = () => fs.readdirSync(spool, { withFileTypes: true }).every((entry) => !entry.isDirectory())
    const drained = Effect.gen(function* () {
      const from = performance.now()
      while (!isEmpty()) {
        if (performance.now() - from > drainMillisMax) {
          return yield* new Process.CannotRun({ reason: `the edge did not forward everything: ${running.complaint()}` })
        }
        yield* Effect.sleep(lookMillis)
      }
      return (performance.now() - from) / 1000
    })
    return { running, ports: { ...ports, host: "127.0.0.1", control, data }, drained }
  })

const round = (value: number) => Number(value.toPrecision(6))

/** `cpuSeconds` are the edge's, for `bytes` that took so many seconds to be heard, and then so many to be forwarded. */
export const metrics = (
  { running }: Edge,
  { bytes, seconds }: { readonly bytes: number; readonly seconds: number },
  cpuSeconds: number,
  drainedSeconds: number
) => ({
  throughMBps: round(bytes / (seconds + drainedSeconds) / 1e6),
  edgeCpuSecondsPerGB: round((cpuSeconds * 1e9) / bytes),
  edgeRssPeakMiB: round(Process.usage(running.pid).peakMiB)
})
