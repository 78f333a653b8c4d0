/** Peers that know no TLS, and what carries them to a relay that does. */
import { join } from "node:path"
import { Effect } from "effect"
import * as Babeltrace from "./babeltrace.ts"
import { toolboxProgram } from "./bundle.ts"
import * as Lttng from "./lttng.ts"
import * as Ports from "./ports.ts"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"
import { run as toolbox } from "./toolbox.ts"
import * as Viewing from "./viewing.ts"

export const certificates = Effect.gen(function* () {
  const pki = join(yield* Relays.temporaryDirectory("pki"), "pki")
  yield* toolbox("certs", "init", "--names=localhost,127.0.0.1", pki)
  yield* toolbox("certs", "target", "web1", pki)
  yield* toolbox("certs", "viewer", "alice", pki)
  return pki
})

export const asClient = (pki: string, who: string) => [
  `--tls-ca=${pki}/ca.pem`,
  `--tls-cert=${pki}/${who}.pem`,
  `--tls-key=${pki}/${who}.key`
]

export const asRelay = (pki: string) => [
  "--tls=require",
  `--tls-cert=${pki}/relay.pem`,
  `--tls-key=${pki}/relay.key`,
  `--tls-client-ca=${pki}/ca.pem`
]

/** The relay as its peers see it who come through a tunnel. */
export const tunnel = (relay: Relays.Relay, to: string, identity: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const [controlPort, dataPort, livePort] = [yield* Ports.free, yield* Ports.free, yield* Ports.free]
    const listen = `--listen=127.0.0.1:${controlPort},${dataPort},${livePort}`
    const running = yield* Process.daemon(process.execPath, [
      toolboxProgram,
      "tunnel",
      `--to=${to}`,
      listen,
      ...identity
    ])
    yield* Process.until("the tunnel to listen", () => [controlPort, dataPort, livePort].every(Ports.listening))
    return { ...relay, controlPort, dataPort, livePort, tunnel: running }
  })

/** Live and recorded: all of it, in order. */
export const recordThrough = (near: Relays.Relay, viewing: Relays.Relay, output: string) =>
  Effect.gen(function* () {
    const tracing = yield* Lttng.start
    yield* Lttng.record(tracing, near, "secret", { create: ["--live=100000"] })
    // What comes before it has attached it would not show: it asks for the last packets.
    const viewer = yield* Viewing.view(viewing, "secret")
    yield* tracing.emit({ count: 5000 })
    yield* viewer.until(5000)
    yield* tracing.emit({ count: 2000, from: 5000 })
    yield* tracing.lttng("destroy")
    Babeltrace.assertExactly(yield* viewer.ended, [{ count: 7000 }])
    Babeltrace.assertExactly(yield* Babeltrace.read(output), [{ count: 7000 }])
  })
