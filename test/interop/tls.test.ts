/**
 * Over TLS, end to end: lttng and its daemons as they are → a tunnel → a relay that requires TLS and certificates → a
 * tunnel → babeltrace2 as it is, live and recorded. Also stunnel at the far end, which names no protocol.
 */
import { globSync, writeFileSync } from "node:fs"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Link } from "../edge/Link.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Certificates from "../support/certificates.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"
import { asClient, asRelay, certificates, recordThrough, tunnel } from "../support/tunnels.ts"

/** Ends TLS in front of `behind`; answers where. */
const stunnel = (pki: string, behind: Relays.Relay) =>
  Effect.gen(function* () {
    const ports = [yield* Ports.free, yield* Ports.free, yield* Ports.free]
    const inner = [behind.controlPort, behind.dataPort, behind.livePort]
    const services = ports.map((port, index) =>
      [`[${index}]`, `accept = 127.0.0.1:${port}`, `connect = 127.0.0.1:${inner[index]}`].join("\n")
    )
    const identity = [
      `cert = ${pki}/relay.pem`,
      `key = ${pki}/relay.key`,
      `CAfile = ${pki}/ca.pem`,
      "verifyChain = yes"
    ]
    writeFileSync(`${pki}/stunnel.conf`, ["foreground = yes", "pid =", ...identity, ...services, ""].join("\n"))
    yield* Process.daemon("stunnel4", [`${pki}/stunnel.conf`])
    yield* Process.until("stunnel to listen", () => ports.every(Ports.listening))
    return `tls://localhost:${ports.join(":")}`
  })

Peers.describeConcurrently([...Peers.tracing, "stdbuf", "openssl", "stunnel4"], "over TLS", () => {
  it.live("lttng records and babeltrace2 follows through tunnels to one port; nobody else is let in", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const to = `tls://localhost:${relay.controlPort}`
      const checked = yield* Toolbox.run("tunnel", "--check", `--to=${to}`, ...asClient(pki, "target-web1"))
      assert.include(checked.stdout, "takes us: control, data, live")
      const target = yield* tunnel(relay, to, asClient(pki, "target-web1"))
      const viewer = yield* tunnel(relay, to, asClient(pki, "viewer-alice"))
      yield* recordThrough(target, viewer, relay.output)

      const anonymous = ["tunnel", "--check", `--to=${to}`, `--tls-ca=${pki}/ca.pem`]
      assert.strictEqual((yield* Toolbox.attempt(...anonymous)).code, 1)
      const plain = yield* Process.attempt("babeltrace2", ["-i", "lttng-live", `net://127.0.0.1:${relay.livePort}`])
      assert.notStrictEqual(plain.code, 0)
    })
  )

  it.live("an edge brings a session by its certificate, over a cut and a kill; without one nothing", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const access = {
        principals: [{ name: "web1", names: ["URI:lttng://target/web1"] }],
        rules: [{ principals: ["web1"], record: [{ session: "shop*" }] }]
      }
      writeFileSync(`${pki}/access.json`, JSON.stringify(access))
      const output = yield* Relays.temporaryDirectory("output")
      const start = Relays.start("ours", { output, args: [...asRelay(pki), `--access=${pki}/access.json`] })
      let relay = yield* start
      const link = yield* new Link(() => relay.controlPort).open
      const to = `tls://localhost:${link.port}`
      const anonymous = yield* Edges.start(relay, { to, args: [`--tls-ca=${pki}/ca.pem`] })
      const edge = yield* Edges.start(relay, { to, args: asClient(pki, "target-web1") })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, anonymous, "nobody")
      yield* tracing.emit({ count: 10 })
      yield* tracing.lttng("destroy", "nobody")
      yield* Lttng.record(tracing, edge, "shop")
      yield* tracing.emit({ count: 5000 })
      link.cut()
      yield* tracing.emit({ count: 5000, from: 5000 })
      relay.process.signal("SIGKILL")
      yield* relay.process.ended
      yield* tracing.emit({ count: 5000, from: 10_000 })
      relay = yield* start
      yield* tracing.emit({ count: 5000, from: 15_000 })
      yield* tracing.lttng("destroy", "shop")
      yield* Edges.forwarded(edge)
      assert.deepStrictEqual(
        globSync("*/*", { cwd: output }).filter((path) => path.includes("nobody")),
        []
      )
      Babeltrace.assertExactly(yield* Babeltrace.read(Babeltrace.sessionDirectory(output, "shop")), [{ count: 20_000 }])
      const { journals, reason } = yield* Edges.status(anonymous)
      assert.deepStrictEqual([journals.length, typeof reason], [1, "string"])
    })
  )

  it.live("with --access, lttng records nothing but what its certificate may, and babeltrace2 is shown no more", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const access = {
        principals: [
          { name: "web1", names: ["URI:lttng://target/web1"] },
          { name: "alice", names: ["URI:lttng://viewer/alice"] }
        ],
        rules: [
          { principals: ["web1"], record: [{ session: "shop*" }] },
          { principals: ["alice"], view: [{ session: "shop2" }] }
        ]
      }
      writeFileSync(`${pki}/access.json`, JSON.stringify(access))
      const relay = yield* Relays.start("ours", { args: [...asRelay(pki), `--access=${pki}/access.json`] })
      const to = `tls://localhost:${relay.controlPort}`
      const near = yield* tunnel(relay, to, asClient(pki, "target-web1"))
      const tracing = yield* Lttng.start
      const live = { create: ["--live=100000"] }
      yield* Effect.flip(Lttng.record(tracing, near, "audit", live))
      yield* tracing.lttng("destroy", "audit")
      // Into another session's directory, by a name that is its own.
      for (const path of ["/audit", "/audit/ust", "/./audit-20261126-101010"]) {
        yield* Effect.flip(Lttng.record(tracing, near, "shop0", { create: ["--live=100000"], path }))
        yield* tracing.attempt("destroy", "shop0")
      }
      yield* Lttng.record(tracing, near, "shop1", { ...live, path: "/shop-of-mine/1" })
      yield* tracing.emit({ count: 100 })
      yield* Lttng.record(tracing, near, "shop2", live)
      const viewer = yield* tunnel(relay, to, asClient(pki, "viewer-alice"))
      const url = `net://127.0.0.1:${viewer.livePort}`
      const { stdout } = yield* Process.run("babeltrace2", ["-i", "lttng-live", url])
      assert.deepStrictEqual(
        [...stdout.matchAll(/host\/[^/]+\/([^ ]+) /g)].map(([, name]) => name),
        ["shop2"]
      )
      const target = yield* Process.run("babeltrace2", ["-i", "lttng-live", `net://127.0.0.1:${near.livePort}`])
      assert.notInclude(target.stdout, "shop")
      yield* tracing.lttng("destroy", "--all")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: 100 }])
      assert.isEmpty(globSync("**/audit*", { cwd: relay.output }))
    })
  )

  it.live("certificate, authorities and revocations that change while lttng records, in steps, lose nothing", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.authority
      const alternatives = "DNS:localhost,IP:127.0.0.1"
      const relays = [
        yield* authority.issue({ name: "relay-0", alternatives, use: "serverAuth" }),
        yield* authority.issue({ name: "relay-1", alternatives, use: "serverAuth" })
      ]
      const web1 = yield* authority.issue({ name: "web1" })
      const gone = yield* authority.issue({ name: "gone" })
      const others = yield* Certificates.authority
      // Older than the others': of lists that do not say whose they are, OpenSSL takes the newest of a name.
      const older = authority.listFrom("20200101000000Z")
      const lists = [yield* older, yield* Effect.andThen(authority.revoke("gone"), older)]
      const theirs = yield* others.revoke()
      const pki = yield* Relays.temporaryDirectory("pki")
      const write = (name: string, text: string) => writeFileSync(`${pki}/${name}`, text, { mode: 0o600 })
      // One authority and its empty list, then two, whose lists have one that is revoked.
      const swap = (number: number, isWhole: boolean) => {
        const { cert, key } = relays[number % 2] ?? { cert: "", key: "" }
        write("relay.pem", cert)
        if (isWhole) write("relay.key", key)
        write("ca.pem", number % 2 === 0 ? authority.ca : authority.ca + others.ca)
        if (isWhole) write("revoked.crl", number % 2 === 0 ? `${lists[0]}` : `${lists[1]}${theirs}`)
      }
      swap(0, true)
      write("target-web1.pem", web1.cert)
      write("target-web1.key", web1.key)
      write("target-gone.pem", gone.cert)
      write("target-gone.key", gone.key)
      const relay = yield* Relays.start("ours", { args: [...asRelay(pki), `--tls-crl=${pki}/revoked.crl`] })
      const to = `tls://localhost:${relay.controlPort}`
      const identity = asClient(pki, "target-web1")
      const near = yield* tunnel(relay, to, identity)
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, near, "swapped", { create: ["--live=100000"] })
      const hup = Effect.sync(() => relay.process.signal("SIGHUP"))
      const changes = Effect.gen(function* () {
        for (let number = 1; number <= 5; number++) {
          // Half of it first: the certificate of one and the key of the other.
          swap(number, false)
          yield* hup
          yield* Effect.sleep("50 millis")
          swap(number, true)
          yield* hup
          const look = yield* Toolbox.run("sessions", `tls://localhost:${relay.livePort}`, ...identity)
          assert.include(look.stdout, "swapped")
          const args = ["sessions", `tls://localhost:${relay.livePort}`, ...asClient(pki, "target-gone")]
          const revoked = yield* Toolbox.attempt(...args)
          assert.strictEqual(revoked.code, number % 2, `after change ${number}`)
        }
      })
      yield* Effect.all([tracing.emit({ count: 60_000 }), changes], { concurrency: "unbounded" })
      yield* tracing.lttng("destroy")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: 60_000 }])
    })
  )

  it.live("stunnel may be the far end, in front of a relay without TLS", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const relay = yield* Relays.start("ours")
      const to = yield* stunnel(pki, relay)
      const near = yield* tunnel(relay, to, asClient(pki, "target-web1"))
      yield* recordThrough(near, near, relay.output)
    })
  )

  it.live("a tunnel may lead to another one, whose end of TLS is stunnel's", () =>
    Effect.gen(function* () {
      const pki = yield* certificates
      const relay = yield* Relays.start("ours", { args: asRelay(pki) })
      const far = yield* tunnel(relay, `tls://localhost:${relay.controlPort}`, asClient(pki, "target-web1"))
      const near = yield* tunnel(relay, yield* stunnel(pki, far), asClient(pki, "viewer-alice"))
      yield* recordThrough(near, near, relay.output)
      // TLS inside of TLS is no protocol of a relay's: it is refused, and nothing waits for it.
      const inside = ["tunnel", "--check", `--to=tls://localhost:${far.controlPort}`, ...asClient(pki, "target-web1")]
      const { code, stderr } = yield* Toolbox.attempt(...inside)
      assert.strictEqual(code, 1, stderr)
    })
  )
})
