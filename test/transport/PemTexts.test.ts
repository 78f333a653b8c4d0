/** A program that gives a path, or nothing, where a PEM text is due is told so, and trusts nobody meanwhile. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Authority from "../../src/cli/certs/Authority.ts"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Relays from "../support/relays.ts"

const text = (path: string) => readFileSync(path, "utf8")

const pki = Effect.gen(function* () {
  const directory = join(yield* Relays.temporaryDirectory("pem"), "pki")
  const { authority, relay } = yield* Authority.init(directory, ["127.0.0.1"])
  return { ca: text(authority.certificate), certificate: text(relay.certificate), key: text(relay.key) }
})

const ports = { control: "require", data: "require", live: "require" } as const

it.live("a target's authorities, certificate and key", () =>
  Effect.gen(function* () {
    const { ca, certificate, key } = yield* pki
    const { relay } = yield* TestRelay.make({ tls: { ...ports, certificate, key } })
    const { control, data } = relay.addresses
    const url = `tls://127.0.0.1:${control.port}:${data.port}`
    const dial = (tls: Target.ClientIdentity) =>
      Effect.gen(function* () {
        const target = yield* Target.make({ url, tls })
        return yield* Effect.scoped(Effect.asVoid(target.session({ name: "one" })))
      })
    yield* dial({ ca })
    yield* dial({ ca, certificate: certificate + key })
    const refused = [
      [{ ca: "" }, "ca: there is no certificate in it"],
      [{ ca: "pki/ca.pem" }, "ca: there is no certificate in it"],
      [{ ca, certificate: "", key }, "certificate: there is no certificate in it"],
      [{ ca, certificate }, "key: there is no private key in it"],
      [{ ca, certificate, key: "pki/relay.key" }, "key: there is no private key in it"],
      [{ ca, key }, "key: of no use without a certificate"]
    ] as const
    for (const [given, reason] of refused) {
      const failed = yield* Effect.flip(dial(given))
      assert.strictEqual(failed._tag, "TlsFailed", reason)
      if (failed._tag !== "TlsFailed") continue
      assert.strictEqual(failed.kind, "identity")
      assert.include(failed.reason, reason)
    }
  })
)

it.live("a relay's certificate, key and authorities", () =>
  Effect.gen(function* () {
    const { ca, certificate, key } = yield* pki
    const start = (tls: { certificate: string; key: string; clientCa?: string }) =>
      Effect.scoped(Effect.asVoid(TestRelay.make({ tls: { ...ports, ...tls } })))
    yield* start({ certificate, key, clientCa: ca })
    const refused = [
      [{ certificate: "pki/relay.pem", key }, "certificate: there is no certificate in it"],
      [{ certificate, key: "pki/relay.key" }, "key: there is no private key in it"],
      [{ certificate, key, clientCa: "pki/ca.pem" }, "clientCa: there is no certificate in it"]
    ] as const
    for (const [given, reason] of refused) {
      const failed = yield* Effect.flip(start(given))
      assert.strictEqual(failed._tag, "ConfigInvalid", reason)
      assert.include(failed.message, reason)
    }
  })
)
