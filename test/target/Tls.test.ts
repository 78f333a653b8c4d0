/** Targets and viewers of the library over TLS: what is recorded and seen, and the error each fault has. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import type { Made } from "../../src/cli/certs/Request.ts"
import * as Load from "../../src/target/Load.ts"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const text = (path: string) => readFileSync(path, "utf8")
const pemsOf = ({ certificate, key }: Made) => ({ certificate: text(certificate), key: text(key) })

const required = { control: "require", data: "require", live: "require" } as const

const start = Effect.gen(function* () {
  const directory = yield* Relays.temporaryDirectory("certs")
  const { authority, relay } = yield* Authority.init(directory, ["relay.test"])
  const client = yield* Authority.client(directory, "target", "web1")
  const ca = text(authority.certificate)
  const tls = { ca, serverName: "relay.test", ...pemsOf(client) }
  const running = yield* TestRelay.make({ tls: { ...required, ...pemsOf(relay), clientCa: ca } })
  return { directory, relay: running, tls }
})

describe("over TLS", () => {
  it.live("a target streams both parts of its sessions to one port, and a viewer sees them", () =>
    Effect.gen(function* () {
      const { relay, tls } = yield* start
      const url = `tls://127.0.0.1:${relay.livePort}`
      const target = yield* Target.make({ url, hostname: "web1", tls })
      const session = yield* target.session({ name: "kept", liveTimer: "1 second" })
      const { session: none, viewer } = yield* LiveViewer.fromUrl(`tls://127.0.0.1:${relay.controlPort}`, tls)
      assert.isUndefined(none)
      assert.deepStrictEqual(
        (yield* viewer.sessions).map(({ hostname, sessionName }) => [hostname, sessionName]),
        [["web1", "kept"]]
      )
      yield* session.close()
      const options = { sessionCount: 2, streamCount: 2, packetBytes: 65_536, packetCount: 40 }
      const loaded = yield* Load.run(target, options)
      assert.strictEqual(loaded.packets, 160)
      const recorded = relay.output.files().filter((path) => !/kept|metadata|index/.test(path))
      const sizes = recorded.map((path) => relay.output.size(path))
      assert.deepStrictEqual(
        sizes,
        [40, 40, 40, 40].map((packets) => packets * 65_536),
        `${recorded}`
      )
    })
  )

  it.live("each fault has its error", () =>
    Effect.gen(function* () {
      const { directory, relay, tls } = yield* start
      const fails = (identity: Target.ClientIdentity, port = relay.controlPort) =>
        Target.make({ url: `tls://127.0.0.1:${port}`, tls: identity }).pipe(
          Effect.flatMap((target) => target.session({ name: "s" })),
          Effect.scoped,
          Effect.flip,
          Effect.map((error) => {
            if (error._tag === "TlsFailed") return error.kind
            return error._tag === "LinkLost" ? `${error._tag} ${error.refused}` : error._tag
          })
        )
      assert.strictEqual(yield* fails({ ...tls, serverName: "other.test" }), "name")
      assert.strictEqual(yield* fails({ ...tls, ca: undefined }), "authority")
      const untrusting = Target.make({ url: `tls://127.0.0.1:${relay.controlPort}`, tls: { ...tls, ca: undefined } })
      const untrusted = Effect.scoped(Effect.flatMap(untrusting, (target) => target.session({ name: "s" })))
      assert.match(
        (yield* Effect.flip(untrusted)).message,
        /signed by .* trust: .* --tls-ca \(in a program, tls\.ca\)$/
      )
      assert.strictEqual(yield* fails({ ...tls, key: "no key" }), "identity")
      // TLS 1.3: the relay refuses what the client has taken for an open connection.
      assert.strictEqual(yield* fails({ ca: tls.ca, serverName: "relay.test" }), "LinkLost identity")
      const nobody = LiveViewer.fromUrl(`tls://127.0.0.1:${relay.livePort}`, { ca: tls.ca, serverName: "relay.test" })
      const unseen = yield* Effect.flip(Effect.scoped(nobody))
      assert.deepInclude(unseen, { _tag: "NotLivePort", refused: "identity" })
      assert.notInclude(unseen.message, "--tls")
      assert.strictEqual(yield* fails(tls, 1), "DialFailed")
      const plain = yield* TestRelay.make()
      assert.strictEqual(yield* fails(tls, plain.controlPort), "handshake")
      const misused = yield* Effect.flip(Target.make({ url: "net://127.0.0.1", tls }))
      assert.strictEqual(misused._tag, "UrlRefused")

      const [key, request, expired] = ["old.key", "old.csr", "old.pem"].map((file) => join(directory, file))
      const make = [
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        `${key}`,
        "-out",
        `${request}`,
        "-subj",
        "/CN=127.0.0.1"
      ]
      yield* Process.run("openssl", ["req", ...make])
      const sign = ["-req", "-in", `${request}`, "-signkey", `${key}`, "-days", "-1", "-out", `${expired}`]
      yield* Process.run("openssl", ["x509", ...sign])
      const over = { certificate: text(`${expired}`), key: text(`${key}`) }
      const old = yield* TestRelay.make({ tls: { ...required, ...over } })
      assert.strictEqual(yield* fails({ ca: over.certificate }, old.controlPort), "expiry")
    })
  )
})
