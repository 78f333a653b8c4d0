/** Who goes on from an earlier handshake shows no certificate: it gets no further by that than by a new one. */
import * as net from "node:net"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Purpose } from "../../src/transport/tls/Tls.ts"
import * as TlsTerminal from "../../src/transport/tls/TlsTerminal.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"

const start = Effect.gen(function* () {
  const ours = yield* Certificates.authority
  const { cert, key } = yield* ours.issue({ name: "relay", alternatives: "DNS:localhost", use: "serverAuth" })
  const client = yield* ours.issue({ name: "web1" })
  const identity = { certificate: cert, key, clientCa: ours.ca, crl: yield* ours.revoke() }
  const { replace, secure } = yield* TlsTerminal.make(identity)
  const portFor = (port: Purpose) =>
    listening(
      net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) =>
        secure(
          { accepted, address: "127.0.0.1", port },
          {
            done: ({ certificate, socket }) => socket.end(certificate?.subject ?? "nobody"),
            failed: () => accepted.destroy()
          }
        )
      )
    )
  /** Who the client was taken for; empty: it was not let in. */
  const connect = (port: number, options: tls.ConnectionOptions) =>
    Effect.callback<{ readonly who: string; readonly isReused: boolean; readonly session: Buffer }>((resume) => {
      const socket = tls.connect({ host: "127.0.0.1", port, servername: "localhost", ca: ours.ca, ...options })
      let [who, session, isReused] = ["", Buffer.alloc(0), false]
      socket.on("secureConnect", () => {
        isReused = socket.isSessionReused()
      })
      socket.on("data", (bytes: Buffer) => {
        who += bytes.toString()
      })
      socket.on("session", (given) => {
        session = given
      })
      socket.on("error", () => undefined)
      socket.on("close", () => resume(Effect.succeed({ who, isReused, session })))
    })
  return { client, connect, http: yield* portFor("http"), control: yield* portFor("control"), identity, ours, replace }
})

Peers.describeWithPeers(["openssl"], "a ticket", () => {
  it.live("is good at the ports of its kind, and for nobody at one where certificates are needed", () =>
    Effect.gen(function* () {
      const { client, connect, control, http } = yield* start
      const known = yield* connect(control, client)
      const again = yield* connect(control, { session: known.session })
      assert.deepStrictEqual([known.who, again.who, again.isReused], ["CN=web1", "CN=web1", true])
      const nobody = yield* connect(http, {})
      const twice = yield* connect(http, { session: nobody.session })
      assert.deepStrictEqual([nobody.who, twice.who, twice.isReused], ["nobody", "nobody", true])
      assert.strictEqual((yield* connect(control, { session: nobody.session })).who, "")
      const named = yield* connect(http, { session: nobody.session, ALPNProtocols: ["lttng-control"] })
      assert.strictEqual(named.who, "")
    })
  )

  it.live("of before a certificate was revoked, or its authority left out, lets nobody in", () =>
    Effect.gen(function* () {
      const { client, connect, control, identity, ours, replace } = yield* start
      const strange = yield* Certificates.authority
      const others = { ...identity, clientCa: strange.ca, crl: yield* strange.revoke() }
      for (const next of [{ ...identity, crl: yield* ours.revoke("web1") }, others]) {
        yield* replace(identity)
        const known = yield* connect(control, client)
        assert.strictEqual(known.who, "CN=web1")
        yield* replace(next)
        assert.strictEqual((yield* connect(control, { session: known.session })).who, "")
        assert.strictEqual((yield* connect(control, { ...client, session: known.session })).who, "")
      }
    })
  )
})
