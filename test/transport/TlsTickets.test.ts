/** Who goes on from an earlier handshake shows no certificate: it gets no further by that than by a new one. */
import { randomBytes } from "node:crypto"
import * as net from "node:net"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Machine from "../../src/Machine.ts"
import { ticketsOf } from "../../src/protocol/ClientHello.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Dial from "../../src/transport/Dial.ts"
import { readFirst } from "../../src/transport/FirstBytes.ts"
import { Tickets } from "../../src/transport/tls/Tickets.ts"
import type { ClientIdentity, Purpose } from "../../src/transport/tls/Tls.ts"
import * as TlsTerminal from "../../src/transport/tls/TlsTerminal.ts"
import * as Certificates from "../support/certificates.ts"
import { helloOf } from "../support/hello.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"

/** Strangers never have a turn. */
const bounds = {
  ...{ perSecond: 1000, burst: 1000, badPerSecond: 0, badBurst: 20, badDebt: 60 },
  ...{ suspectPerSecond: 0, suspectBurst: 0, atOnce: 256 }
}

/** What happens every hour, when that is called. */
const keysByHand = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const timers: Array<() => void> = []
      const { setInterval } = Machine
      const source: Machine.Source = {
        ...Machine,
        setInterval: (run, millis) => {
          timers.push(run)
          return setInterval(run, millis)
        }
      }
      return { restore: Machine.replace(source), timers }
    }),
    ({ restore }) => Effect.sync(restore)
  ),
  ({ timers }) =>
    () => {
      for (const run of timers) run()
    }
)

const startWith = (options: TlsTerminal.Options) =>
  Effect.gen(function* () {
    const ours = yield* Certificates.authority
    const { cert, key } = yield* ours.issue({ name: "relay", alternatives: "DNS:localhost", use: "serverAuth" })
    const client = yield* ours.issue({ name: "web1" })
    const identity = { certificate: cert, key, clientCa: ours.ca, crl: yield* ours.revoke() }
    const { handshakes, replace, secure } = yield* TlsTerminal.make(identity, options)
    const resumed: Array<boolean> = []
    const portFor = (port: Purpose) =>
      listening(
        net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (accepted) =>
          readFirst(accepted, (hello) =>
            secure(
              { accepted, hello, address: "127.0.0.1", port },
              {
                done: ({ certificate, socket }) => {
                  resumed.push(socket.isSessionReused())
                  socket.end(certificate?.subject ?? "nobody")
                },
                failed: () => accepted.destroy()
              }
            )
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
    const ports = { http: yield* portFor("http"), control: yield* portFor("control") }
    return { client, connect, handshakes, identity, ours, replace, resumed, ...ports }
  })

const start = startWith({})

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

  it.live("gives turns that strangers at the same address have used up, also when it is no good any more", () =>
    Effect.gen(function* () {
      const newKeys = yield* keysByHand
      const { client, connect, control, handshakes, identity, ours, replace } = yield* startWith({ bounds })
      newKeys()
      const known = yield* connect(control, client)
      assert.strictEqual(known.who, "CN=web1")
      const stranger = Effect.forkScoped(connect(control, {}))
      const waiting = Effect.sync(() => handshakes().waitingCount)
      yield* until("strangers to have no turn", Effect.andThen(stranger, waiting), (count) => count >= 3)
      for (let count = 0; count < 10; count++) {
        const again = yield* connect(control, { session: known.session })
        assert.deepStrictEqual([again.who, again.isReused], ["CN=web1", true])
      }
      newKeys()
      yield* replace({ ...identity, crl: yield* ours.revoke() })
      const later = yield* connect(control, { ...client, session: known.session })
      assert.deepStrictEqual([later.who, later.isReused], ["CN=web1", false])
      const before = yield* waiting
      // More than one: those that wait since long are let go meanwhile.
      const another = Effect.forkScoped(connect(control, client))
      yield* until("those without a ticket to wait", Effect.andThen(another, waiting), (count) => count > before)
    })
  )

  it.live("is known by who gave it, unchanged, and for a time", () =>
    Effect.gen(function* () {
      const { client, connect, ours } = yield* start
      const { cert, key } = yield* ours.issue({ name: "other", alternatives: "DNS:localhost", use: "serverAuth" })
      for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
        const server = tls.createServer({ cert, key, maxVersion }, (socket) => socket.end("."))
        const { session } = yield* connect(yield* listening(server), client)
        const hello = yield* Effect.promise(() => helloOf({ servername: "localhost", session, maxVersion }))
        const tickets = new Tickets()
        tickets.add(randomBytes(48))
        assert.isFalse(tickets.take(hello) !== undefined)
        tickets.add(server.getTicketKeys())
        assert.isTrue(tickets.take(hello) !== undefined, maxVersion)
        const [ticket = Buffer.alloc(0)] = ticketsOf(hello)
        const from = hello.indexOf(ticket)
        for (let at = from; at < from + ticket.length; at++) {
          const changed = Buffer.from(hello)
          changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
          assert.isFalse(tickets.take(changed) !== undefined, `${at - from}`)
        }
        // Whoever has heard it cannot do much with it.
        const taken = Array.from({ length: 20 }, () => tickets.take(hello)).filter((id) => id !== undefined)
        assert.strictEqual(taken.length, 7)
        const [id = ""] = taken
        for (let good = 0; good < 8; good++) tickets.over(id, true)
        for (let vain = 0; vain < 3; vain++) {
          assert.isDefined(tickets.take(hello))
          tickets.over(id, false)
        }
        assert.isUndefined(tickets.take(hello))
        const longer = new Tickets()
        longer.add(server.getTicketKeys())
        for (let hour = 1; hour < 7 * 24; hour++) longer.add(randomBytes(48))
        assert.isDefined(longer.take(hello))
        for (let hour = 0; hour <= 7 * 24; hour++) longer.add(randomBytes(48))
        assert.isUndefined(longer.take(hello))
      }
    })
  )

  it.live("is shown by who dials again, to the same relay with the same certificate", () =>
    Effect.gen(function* () {
      const { client, control, ours, replace, identity, resumed } = yield* start
      const another = yield* ours.issue({ name: "web2" })
      const dial = ({ cert: certificate, key }: Certificates.Certificate, names: Partial<ClientIdentity> = {}) =>
        Effect.gen(function* () {
          const tls = { ca: ours.ca, certificate, key, ...names }
          const link = yield* Dial.dial({ host: "localhost", port: control, family: 4, tls }, "control")
          const said = yield* link.read(7)
          yield* link.ended
          return Buffer.from(said).toString()
        }).pipe(Effect.scoped)
      const who = [yield* dial(client), yield* dial(client), yield* dial(another), yield* dial(another)]
      assert.deepStrictEqual(who, ["CN=web1", "CN=web1", "CN=web2", "CN=web2"])
      assert.deepStrictEqual(resumed, [false, true, false, true])
      // As another name it has been looked at by nobody.
      const error = yield* Effect.flip(dial(client, { serverName: "127.0.0.1" }))
      assert.strictEqual((error as { readonly kind?: string }).kind, "name")
      yield* replace({ ...identity, crl: yield* ours.revoke("web1") })
      yield* Effect.flip(dial(client))
      assert.strictEqual(yield* dial(another), "CN=web2")
    })
  )
})
