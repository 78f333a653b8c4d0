/** An edge as a scoped value, as it is shipped: it looks like a relay to the tracers of this host. */
import { join } from "node:path"
import { Effect } from "effect"
import { toolboxProgram } from "./bundle.ts"
import * as Ports from "./ports.ts"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"
import * as Toolbox from "./toolbox.ts"

export interface Options {
  readonly args?: ReadonlyArray<string>
  /** What an earlier edge left. */
  readonly spool?: string
  /** Where the relay is reached, if not at its own ports. */
  readonly to?: string
  /** A full spool is read before it listens. */
  readonly seconds?: number
  /** A copy of the toolbox, maybe of another version. */
  readonly program?: string
}

export interface Edge extends Relays.Relay {
  readonly spool: string
}

export const start = Effect.fnUntraced(function* (
  relay: Pick<Relays.Relay, "controlPort" | "dataPort" | "host" | "kind" | "livePort" | "output">,
  options: Options = {}
) {
  const home = yield* Relays.temporaryDirectory("edge")
  const spool = options.spool ?? join(home, "spool")
  const controlPort = yield* Ports.free
  const dataPort = yield* Ports.free
  const to = options.to ?? `net://${relay.host}:${relay.controlPort}:${relay.dataPort}`
  const isTold = options.args?.some((arg) => arg.startsWith("--to-file=")) === true
  const listen = `--listen=127.0.0.1:${controlPort},${dataPort}`
  const args = ["edge", ...(isTold ? [] : [`--to=${to}`]), listen, `--spool=${spool}`, ...(options.args ?? [])]
  const running = yield* Process.daemon(process.execPath, [options.program ?? toolboxProgram, ...args], {
    env: { HOME: home }
  })
  yield* Process.until(
    "the edge to listen",
    Effect.suspend(() => {
      const outcome = running.outcome()
      if (outcome !== undefined)
        return Effect.fail(new Process.ProcessFailed({ command: "edge", detail: outcome.stderr }))
      return Effect.succeed([controlPort, dataPort].every(Ports.listening))
    }),
    { seconds: options.seconds ?? 60 }
  )
  const edge: Edge = { ...relay, host: "127.0.0.1", controlPort, dataPort, process: running, spool }
  return edge
})

export const status = (edge: Edge) =>
  Effect.map(
    Toolbox.run("edge", "status", `--spool=${edge.spool}`, "--json"),
    ({ stdout }) =>
      JSON.parse(stdout) as {
        /** Of the edge's clock: what it writes down of itself is some time old. */
        readonly atMillis: number
        readonly journals: ReadonlyArray<{
          readonly isScanned: boolean
          readonly name: string
          readonly heardCount: number
          readonly receivedCount: number
          readonly waitsFor?: string
        }>
        readonly spoolBytes: number
        readonly isFull: boolean
        readonly reason?: string
        readonly losses: ReadonlyArray<{ readonly name: string; readonly policy: string; readonly packetCount: number }>
      }
  )

/** Until the relay has everything. */
export const forwarded = (edge: Edge, seconds = 60) =>
  Process.until(
    "the edge to have forwarded everything",
    Effect.option(status(edge)),
    (now) => now._tag === "Some" && now.value.journals.length === 0,
    { seconds, everyMillis: 200 }
  )
