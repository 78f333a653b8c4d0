/**
 * A spool that a long outage has filled: the memory of the edge, how soon the next edge goes on with it after a kill,
 * and how soon it says how it is. In the end the relay has all of it.
 */
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { Link } from "../edge/Link.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Edges from "../support/edges.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { packetCountOf } from "./packets.ts"

export interface Options {
  readonly megabytes: number
  readonly packetBytes: number
  /** It takes as much room again. */
  readonly isForwarded: boolean
}

export interface Outcome {
  readonly spoolBytes: number
  readonly packets: number
  /** At the relay. */
  readonly recorded: number | undefined
  readonly fillingSeconds: number
  readonly forwardingSeconds: number | undefined
  readonly statusSeconds: number
  /** From its start until tracers are answered; what a session takes then; and until all of the spool is read. */
  readonly startingSeconds: number
  readonly sessionSeconds: number
  readonly scanningSeconds: number
  /** The most they had. */
  readonly mebibytes: { readonly filling: number; readonly starting: number; readonly forwarding: number }
}

const streamCount = 4
/** Of a session while the spool is read. */
export const sessionPackets = streamCount

const secondsMax = 600

const peakMebibytes = ({ process: { pid } }: Edges.Edge): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const from = performance.now()
    return Effect.map(effect, (value) => [value, (performance.now() - from) / 1000] as const)
  })

const load = (edge: Edges.Edge, packets: number, packetBytes: number) => {
  const size = [`--streams=${streamCount}`, `--packet-size=${packetBytes}`, `--packets=${packets / streamCount}`]
  const url = `net://127.0.0.1:${edge.controlPort}:${edge.dataPort}`
  return Process.run(process.execPath, [toolboxProgram, "load", ...size, url], { timeoutSeconds: secondsMax })
}

export const outage = ({ isForwarded, megabytes, packetBytes }: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const link = yield* new Link(() => relay.controlPort).open
      link.isDown = true
      const options = { to: `net://127.0.0.1:${link.port}:${link.port + 1}`, args: ["--spool-limit=40G"] }
      const first = yield* Edges.start(relay, options)
      const packets = Math.ceil((megabytes * 1e6) / packetBytes / streamCount) * streamCount
      const [, fillingSeconds] = yield* timed(load(first, packets, packetBytes))
      const filling = peakMebibytes(first)
      first.process.signal("SIGKILL")
      yield* first.process.ended
      const again = Edges.start(relay, { ...options, spool: first.spool, seconds: secondsMax })
      const [next, startingSeconds] = yield* timed(again)
      const [, sessionSeconds] = yield* timed(load(next, sessionPackets, 4096))
      const scanned = Effect.map(
        Effect.option(Edges.status(next)),
        (now) => now._tag === "Some" && now.value.journals.every(({ isScanned }) => isScanned)
      )
      const [, scanningSeconds] = yield* timed(
        Process.until("the spool to be read", scanned, { seconds: secondsMax, everyMillis: 200 })
      )
      const starting = peakMebibytes(next)
      const [{ spoolBytes }, statusSeconds] = yield* timed(Effect.delay(Edges.status(next), "1100 millis"))
      link.isDown = false
      const forwarded = isForwarded ? (yield* timed(Edges.forwarded(next, secondsMax)))[1] : undefined
      const outcome: Outcome = {
        spoolBytes,
        packets,
        recorded: isForwarded ? packetCountOf(relay.output) : undefined,
        fillingSeconds,
        forwardingSeconds: forwarded,
        statusSeconds: statusSeconds - 1.1,
        startingSeconds,
        sessionSeconds,
        scanningSeconds,
        mebibytes: { filling, starting, forwarding: peakMebibytes(next) }
      }
      return outcome
    })
  )
