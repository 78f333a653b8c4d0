/**
 * Behind HAProxy, with the configuration that is shipped: TLS goes through it to a relay that has the certificates, or
 * ends at it. lttng and babeltrace2 as they are, over tunnels to one port; the relay knows who they are.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { toolboxProgram } from "../support/bundle.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { asClient, asRelay, certificates, recordThrough, tunnel } from "../support/tunnels.ts"

const configuration = fileURLToPath(new URL("../../packaging/haproxy/haproxy.cfg", import.meta.url))

/** Ours alone: who is known by an address is nobody. */
const access = (pki: string, ofTarget: object, ofViewer: object) => {
  const rules = {
    principals: [
      { name: "web1", ...ofTarget },
      { name: "alice", ...ofViewer }
    ],
    rules: [
      { principals: ["web1"], record: [{}] },
      { principals: ["alice"], view: [{}], admin: true }
    ]
  }
  writeFileSync(`${pki}/access.json`, JSON.stringify(rules))
  return `--access=${pki}/access.json`
}

const balancer = (pki: string, relay: Relays.Relay) =>
  Effect.gen(function* () {
    const [through, ending] = [yield* Ports.free, yield* Ports.free]
    writeFileSync(
      `${pki}/haproxy.pem`,
      readFileSync(`${pki}/relay.pem`, "utf8") + readFileSync(`${pki}/relay.key`, "utf8")
    )
    const env = {
      LTTNG_LISTEN: "127.0.0.1",
      LTTNG_THROUGH: `${through}`,
      LTTNG_ENDING: `${ending}`,
      LTTNG_CONTROL: `${relay.controlPort}`,
      LTTNG_DATA: `${relay.dataPort}`,
      LTTNG_LIVE: `${relay.livePort}`,
      LTTNG_CERTIFICATE: `${pki}/haproxy.pem`,
      LTTNG_CLIENT_CA: `${pki}/ca.pem`
    }
    yield* Process.daemon("haproxy", ["-db", "-f", configuration], { env })
    yield* Process.until("HAProxy to listen", () => [through, ending].every(Ports.listening))
    return { through, ending }
  })

const anonymous = (pki: string, port: number) =>
  Process.attempt(process.execPath, [
    toolboxProgram,
    "tunnel",
    "--check",
    `--to=tls://localhost:${port}`,
    `--tls-ca=${pki}/ca.pem`
  ])

const curl = (pki: string, port: number, who: string) =>
  Process.run("curl", [
    "-sS",
    ...["--cacert", `${pki}/ca.pem`, "--cert", `${pki}/${who}.pem`, "--key", `${pki}/${who}.key`],
    `https://localhost:${port}/api/v1/connections?state=closed`
  ])

Peers.describeWithPeers([...Peers.tracing, "stdbuf", "openssl", "haproxy", "curl"], "behind HAProxy", () => {
  it.live.each([
    {
      title: "TLS goes through, by the protocol that is named: the relay sees certificates and addresses",
      way: "through",
      known: [{ names: ["URI:lttng://target/web1"] }, { names: ["URI:lttng://viewer/alice"] }]
    },
    {
      title: "TLS ends there: the relay is told who connected, for what, and by which certificate",
      way: "ending",
      known: [{ subjects: ["CN=web1"] }, { subjects: ["CN=alice"] }]
    }
  ] as const)("$title", ({ known: [web1, alice], way }) =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const http = yield* Ports.free
      const heard = [access(pki, web1, alice), "--proxy-from=127.0.0.1", `--http-port=tcp://127.0.0.1:${http}`]
      const relay = yield* Relays.start("ours", { args: way === "through" ? [...asRelay(pki), ...heard] : heard })
      const port = (yield* balancer(pki, relay))[way]
      const to = `tls://localhost:${port}`
      const near = yield* tunnel(relay, to, asClient(pki, "target-web1"))
      yield* recordThrough(near, yield* tunnel(relay, to, asClient(pki, "viewer-alice")), relay.output)
      assert.strictEqual((yield* anonymous(pki, port)).code, 1)
      yield* Process.until(
        "the relay to tell of the data connection that has ended",
        curl(pki, port, "viewer-alice"),
        (told) => /"port":"data","peer":"127\.0\.0\.1:\d+"/.test(told.stdout)
      )
      assert.include((yield* curl(pki, port, "target-web1")).stdout, "Unauthorized")
    })
  )
})
