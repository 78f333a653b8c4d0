/** Until when a relay's TLS is good: its certificate, with all that stand above it, and what clients are judged by. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Dial from "../../src/transport/Dial.ts"
import { refusalOf } from "../../src/transport/tls/DialTls.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { asRelay } from "../support/tunnels.ts"

const seconds = (time: string) => Date.parse(time) / 1000

/** As openssl takes it. */
const textOf = (millis: number) => new Date(millis).toISOString().replaceAll(/[-:T]|\.\d+/g, "")

Peers.describeWithPeers(["openssl"], "metrics of TLS", () => {
  it.live("have the first end of its certificates, and that of authorities and revocation lists", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.authority
      const issue = (name: string, to: string) =>
        authority.issue({ name, alternatives: "DNS:localhost", use: "serverAuth", to })
      const own = yield* issue("relay", "20480101000000Z")
      const above = yield* issue("above", "20400101000000Z")
      const soonMillis = 1000 * Math.round(Date.now() / 1000 + 86_400)
      const soon = yield* issue("soon", textOf(soonMillis))
      const folder = yield* Relays.temporaryDirectory("ends")
      const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 })
      write("relay.pem", own.cert + above.cert)
      write("relay.key", own.key)
      write("ca.pem", authority.ca)
      const port = yield* Ports.free
      const relay = yield* Relays.start("ours", { args: [...asRelay(folder), `--http-port=tcp://127.0.0.1:${port}`] })
      const ends = Effect.promise(async () => {
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
        return ["certificate", "clients"].map((what) =>
          Number(new RegExp(`^lttng_relay_tls_${what}_end_time_seconds (.*)$`, "m").exec(text)?.[1])
        )
      })
      const [certificate, clients = 0] = yield* ends
      assert.strictEqual(certificate, seconds("2040-01-01T00:00:00Z"))
      assert.isAbove(clients, soonMillis / 1000)
      write("ca.pem", authority.ca + soon.cert)
      write("relay.pem", own.cert)
      relay.process.signal("SIGHUP")
      const later = [seconds("2048-01-01T00:00:00Z"), soonMillis / 1000]
      yield* Process.until("them to be read again", ends, ([first]) => first === later[0])
      assert.deepStrictEqual(yield* ends, later)
    })
  )
})

Peers.describeWithPeers(["openssl"], "a connection that ends before a word", () => {
  it.live("is the own certificate's fault: that there is none, its time, or what it is", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.authority
      const issue = (name: string, time: Pick<Certificates.Request, "from" | "to">) =>
        Effect.map(authority.issue({ name, use: "clientAuth", ...time }), ({ cert }) => cert)
      const refusals = [
        [undefined, "identity", "we have none"],
        [yield* issue("good", { to: "20490101000000Z" }), "identity", "our certificate (CN=good, issued by CN="],
        [
          yield* issue("over", { from: "20200101000000Z", to: "20210101000000Z" }),
          "expiry",
          "our certificate (CN=over, issued by "
        ],
        [yield* issue("young", { from: "20490101000000Z", to: "20500101000000Z" }), "expiry", "not valid before"]
      ] as const
      for (const [certificate, kind, why] of refusals) {
        const failed = refusalOf("relay:5342", certificate === undefined ? {} : { certificate })
        assert.strictEqual(failed.kind, kind)
        assert.include(failed.message, why)
        // A program that has no options meets it, too.
        assert.notInclude(failed.message, "--")
      }
    })
  )

  it.live("is told so to whoever waits for an answer, and not of one that has spoken, nor where none is due", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.authority
      const relay = yield* authority.issue({ name: "localhost", use: "serverAuth", alternatives: "DNS:localhost" })
      const ours = yield* authority.issue({ name: "web1", use: "clientAuth" })
      let words = ""
      const { ca } = authority
      const server = tls.createServer({ cert: relay.cert, key: relay.key }, (socket) => void socket.end(words))
      const port = yield* listening(server)
      const identity = { ca, certificate: ours.cert, key: ours.key }
      const heard = (role: "control" | "data") =>
        Effect.scoped(
          Effect.gen(function* () {
            const link = yield* Dial.dial({ host: "localhost", port, family: 4, tls: identity }, role)
            return yield* Effect.flip(link.read(8))
          })
        )
      const refused = yield* heard("control")
      assert.strictEqual(refused.refused, "identity")
      assert.match(
        refused.reason,
        /^it ends the connection before a word: its log says why; our certificate \(CN=web1, issued by .*\) may be/
      )
      const unknown = ["closed by the peer", undefined]
      const said = Effect.map(({ reason, refused: why }: Dial.LinkLost) => [reason, why])
      assert.deepStrictEqual(yield* said(heard("data")), unknown)
      words = "word"
      assert.deepStrictEqual(yield* said(heard("control")), unknown)
    })
  )
})
