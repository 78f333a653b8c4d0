/**
 * Who comes to the operator's port how: with the token or a certificate, over TLS or not, by its own port or by name to
 * one of the relay's; and what is shown to whom.
 */
import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import * as net from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { AdminApi } from "../../src/admin/AdminApi.ts"
import { listenerOf } from "../../src/admin/port/Entrance.ts"
import * as Authority from "../../src/cli/certs/Authority.ts"
import type { Made } from "../../src/cli/certs/Request.ts"
import { LiveViewer, Target } from "../../src/index.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Balancer from "../support/proxy.ts"
import * as Relays from "../support/relays.ts"
import * as Ports from "./ports.ts"
import * as Watching from "./watching.ts"

const text = (path: string) => readFileSync(path, "utf8")

const pki = Effect.gen(function* () {
  const directory = yield* Relays.temporaryDirectory("certs")
  const ours = join(directory, "ours")
  const { authority, relay } = yield* Authority.init(ours, ["localhost", "127.0.0.1"])
  yield* Authority.init(join(directory, "theirs"), ["localhost"])
  const read = ({ certificate, key }: Made) => ({ cert: text(certificate), key: text(key) })
  const of = (at: string, name: string) => Effect.map(Authority.client(at, "viewer", name), read)
  const [alice, bob, carol] = [yield* of(ours, "alice"), yield* of(ours, "bob"), yield* of(ours, "carol")]
  const stranger = yield* of(join(directory, "theirs"), "alice")
  const ca = text(authority.certificate)
  const { cert, key } = read(relay)
  const tls = { control: "allow", data: "allow", live: "allow", certificate: cert, key, clientCa: ca } as const
  return { tls, ca, alice, bob, carol, stranger }
})

const access = {
  principals: [
    { name: "alice", names: ["URI:lttng://viewer/alice"] },
    { name: "bob", names: ["URI:lttng://viewer/bob"] },
    { name: "carol", names: ["URI:lttng://viewer/carol"] },
    { name: "here", addresses: ["127.0.0.1"] }
  ],
  rules: [
    { principals: ["alice"], admin: true, view: [{}] },
    { principals: ["bob"], admin: true, view: [{ host: "web*" }] },
    { principals: ["carol"], view: [{}] },
    // By an address nobody is an operator.
    { principals: ["here"], record: [{}], view: [{}], admin: true }
  ]
}

/** As browsers and curl ask: by the names of what they speak. */
const asked = { host: "127.0.0.1", ALPNProtocols: ["h2", "http/1.1"], agent: false } as const

interface Answer {
  readonly status: number
  readonly body: string
}

const answer = (asking: http.ClientRequest): Effect.Effect<Answer | string> =>
  Effect.callback((resume) => {
    asking.on("response", (response) => {
      let body = ""
      response.setEncoding("utf8").on("data", (part: string) => {
        body += part
      })
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, body })))
    })
    asking.on("error", (cause: NodeJS.ErrnoException) => resume(Effect.succeed(cause.code ?? cause.message)))
    asking.end()
  })

const start = (isLocal: boolean) =>
  Effect.gen(function* () {
    const made = yield* pki
    const relay = yield* Ports.start({ tls: made.tls, access }, { isLocal })
    const to = (port: number, path: string, more: https.RequestOptions = {}) =>
      answer(https.request({ ...asked, port, path, ca: made.ca, ...more }))
    const record = (hostname: string) =>
      Effect.gen(function* () {
        const target = yield* Target.make({ url: relay.targetUrl, hostname })
        yield* target.session({ name: "s", liveTimer: "1 second" })
      })
    yield* record("web1")
    yield* record("db1")
    return { ...made, relay, to }
  })

const statusOf = (got: Answer | string) => (typeof got === "string" ? got : got.status)
const jsonOf = (got: Answer | string) => JSON.parse(typeof got === "string" ? "null" : got.body)
const bearer = { authorization: `Bearer ${Ports.token}` }

describe("the operator's port", () => {
  it.live("takes TLS beside plain HTTP; a certificate with the right does what the token does, others do nothing", () =>
    Effect.gen(function* () {
      const { alice, bob, carol, relay, stranger, to } = yield* start(false)
      const { port } = relay
      const plain = (headers: Record<string, string> = {}) =>
        answer(http.request({ host: "127.0.0.1", port, path: "/metrics", agent: false, headers }))
      const got = {
        plain: statusOf(yield* plain()),
        plainToken: statusOf(yield* plain(bearer)),
        nobody: statusOf(yield* to(port, "/metrics")),
        token: statusOf(yield* to(port, "/metrics", { headers: bearer })),
        alice: statusOf(yield* to(port, "/metrics", alice)),
        // It may not see all, and metrics are of all.
        bob: statusOf(yield* to(port, "/metrics", bob)),
        carol: statusOf(yield* to(port, "/metrics", carol)),
        stranger: statusOf(yield* to(port, "/metrics", stranger)),
        strangerToken: statusOf(yield* to(port, "/metrics", { ...stranger, headers: bearer }))
      }
      assert.deepStrictEqual(got, {
        plain: 401,
        plainToken: 200,
        nobody: 401,
        token: 200,
        alice: 200,
        bob: 401,
        carol: 401,
        stranger: 401,
        strangerToken: 200
      })
    })
  )

  it.live("tells the log of a certificate that is no good, and goes on without it", () => {
    const { codes, layer, lines } = logged()
    return Effect.gen(function* () {
      const { alice, relay, stranger, to } = yield* start(true)
      for (let count = 0; count < 3; count++) {
        assert.strictEqual(statusOf(yield* to(relay.port, "/metrics", stranger)), 200)
      }
      assert.strictEqual(statusOf(yield* to(relay.port, "/metrics", alice)), 200)
      assert.strictEqual(statusOf(yield* to(relay.port, "/metrics")), 200)
      const { incidents } = yield* relay.relay.activity
      assert.deepStrictEqual(incidents, [{ code: "TLS_FAILED", count: 3 }])
      const told = lines.find((_, at) => codes[at] === "TLS_FAILED")
      const refused = "UNABLE_TO_VERIFY_LEAF_SIGNATURE: CN=alice, "
      assert.match(
        told ?? "",
        new RegExp(`^TLS handshake failed: http: [0-9.:]+: ${refused}.*; it goes on without one$`)
      )
    }).pipe(Effect.provide(layer))
  })

  it.live("shows a session's events over TLS where its ports take nothing else", () =>
    Effect.gen(function* () {
      const made = yield* pki
      const relay = yield* Ports.start({ tls: { ...made.tls, live: "require", http: "require" } })
      const packets = yield* Watching.traced(relay.targetUrl)
      for (const form of ["events", "events/sse"]) {
        const path = `/api/v1/sessions/1/${form}?event=load:*`
        const options = { ...asked, port: relay.port, path, ca: made.ca, headers: bearer }
        const told = yield* Effect.raceFirst(
          Watching.told((hear) => https.get(options, hear)),
          packets
        )
        assert.match(told, /"type":"event".*"name":"load:tick"/, form)
      }
    })
  )

  it.live("ends what it was telling somebody once no rule lets it, and says so; nothing is told meanwhile", () =>
    Effect.gen(function* () {
      const { alice, ca, relay, to } = yield* start(false)
      const watched = (path: string) =>
        Effect.gen(function* () {
          const feed = { body: "", isOver: false }
          const asking = https.get({ ...asked, port: relay.port, path, ca, ...alice }, (response) => {
            response.setEncoding("utf8").on("data", (part: string) => {
              feed.body += part
            })
            response.on("end", () => {
              feed.isOver = true
            })
          })
          asking.on("error", () => undefined)
          yield* Effect.addFinalizer(() => Effect.sync(() => asking.destroy()))
          yield* until(`${path} to begin`, () => feed.body !== "")
          return feed
        })
      const [first = assert.fail()] = (yield* relay.relay.sessions).filter(({ hostname }) => hostname === "web1")
      const path = `/api/v1/sessions/${first.id}/events`
      const [lines, sse] = [yield* watched(path), yield* watched(`${path}/sse`)]
      const events = yield* watched("/api/v1/events")
      const replaced = (rule: (typeof access.rules)[number]) =>
        relay.relay.replaceAccess({ ...access, rules: [rule, ...access.rules.slice(1)] })
      yield* replaced({ principals: ["alice"], admin: true, view: [{ host: "db*" }] })
      const last = '{"type":"end","reason":"no rule shows it to you any more"}\n'
      yield* until("the feeds to end", () => lines.isOver && sse.isOver)
      assert.strictEqual(lines.body.trimStart(), last)
      assert.isTrue(sse.body.endsWith(`data: ${last}\n`), sse.body)
      for (const { hostname, id } of yield* relay.relay.sessions) {
        events.body = ""
        yield* relay.relay.endSession(id)
        if (hostname === "db1") yield* until("its end to be told", () => events.body.includes("SessionClosed"))
      }
      assert.notInclude(events.body, "web1")
      assert.notInclude(events.body, `"sessionId":${first.id},`)
      assert.isFalse(events.isOver)
      yield* relay.relay.replaceAccess({ ...access, rules: access.rules.slice(1) })
      yield* until("the relay's events to end", () => events.isOver)
      assert.match(events.body, /\{"_tag":"End","reason":"no rule shows it to you any more"\}\n\n$/)
      assert.strictEqual(statusOf(yield* to(relay.port, "/api/v1/events", alice)), 401)
    })
  )

  it.live("is reached by name at any port with TLS, and is no local one there", () =>
    Effect.gen(function* () {
      const { alice, bob, carol, relay, to } = yield* start(true)
      for (const port of [relay.controlPort, relay.dataPort, relay.livePort]) {
        assert.strictEqual(statusOf(yield* to(port, "/api/v1/overview", alice)), 200)
        assert.strictEqual(statusOf(yield* to(port, "/api/v1/overview", carol)), 401)
        assert.strictEqual(statusOf(yield* to(port, "/api/v1/overview", { ...carol, headers: bearer })), 200)
        assert.strictEqual(statusOf(yield* to(port, "/livez", carol)), 200)
        assert.match(`${statusOf(yield* to(port, "/livez"))}`, /CERTIFICATE_REQUIRED/)
      }
      // At its own port, from here, who reads needs nothing.
      assert.strictEqual(statusOf(yield* to(relay.port, "/api/v1/overview")), 200)
      assert.strictEqual(statusOf(yield* to(relay.port, "/metrics", bob)), 200)
    })
  )

  it.live("asks whoever comes there for another part of the relay for the certificate that the part insists on", () =>
    Effect.gen(function* () {
      const { alice, ca, relay, stranger } = yield* start(true)
      const isTaken = (who?: typeof alice) => {
        const tls = who === undefined ? { ca } : { ca, certificate: who.cert, key: who.key }
        const target = Effect.flatMap(
          Target.make({ url: `tls://127.0.0.1:${relay.port}`, tls, hostname: "web1" }),
          (made) => made.session({ name: "t" })
        )
        const all = Effect.all([
          Effect.result(Effect.scoped(target)),
          Effect.result(Effect.scoped(LiveViewer.fromUrl(`tls://127.0.0.1:${relay.port}`, tls)))
        ])
        return Effect.map(all, (results) => results.map(({ _tag }) => _tag === "Success"))
      }
      assert.deepStrictEqual(yield* isTaken(), [false, false])
      assert.deepStrictEqual(yield* isTaken(stranger), [false, false])
      // No rule lets her record.
      assert.deepStrictEqual(yield* isTaken(alice), [false, true])
      const { incidents } = yield* relay.relay.activity
      // A viewer that is refused looks once more, by no name, what there is: as the stranger, too.
      assert.deepStrictEqual(
        incidents.toSorted((a, b) => a.count - b.count),
        [
          { code: "SESSION_NOT_PERMITTED", count: 1 },
          { code: "TLS_FAILED", count: 5 }
        ]
      )
    })
  )

  it.live("counts those among the relay's connections, of which there are only so many", () =>
    Effect.gen(function* () {
      const { ca, tls } = yield* pki
      const { clientCa: _, ...open } = tls
      const relay = yield* Ports.start({ tls: open, connectionCountMax: 2 })
      const view = LiveViewer.fromUrl(`tls://127.0.0.1:${relay.port}`, { ca })
      yield* view
      yield* view
      assert.strictEqual((yield* Effect.result(Effect.scoped(view)))._tag, "Failure")
      const { incidents } = yield* relay.relay.activity
      assert.deepStrictEqual(incidents, [{ code: "CONNECTION_LIMIT", count: 1 }])
    })
  )

  it.live("is closed to hosts that are refused, and open once they are not", () =>
    Effect.gen(function* () {
      const { alice, relay, to } = yield* start(false)
      const asks = Effect.suspend(() => to(relay.port, "/api/v1/overview", alice))
      assert.isString(yield* Effect.scoped(Effect.andThen(relay.relay.refuseHost("127.0.0.1"), asks)))
      assert.strictEqual(statusOf(yield* asks), 200)
      const { incidents } = yield* relay.relay.activity
      assert.deepStrictEqual(incidents, [{ code: "HOST_REFUSED", count: 1 }])
    })
  )

  it.live("shows a certificate's owner, and lets it end, the sessions that it may view only", () =>
    Effect.gen(function* () {
      const { alice, bob, relay, to } = yield* start(false)
      const all = jsonOf(yield* to(relay.port, "/api/v1/sessions/", alice))
      assert.strictEqual(all.total, 2)
      const ids: Record<string, number> = {}
      for (const { hostname, id } of all.items) ids[hostname] = id
      const ofBob = (path: string, more: https.RequestOptions = {}) =>
        to(relay.port, `/api/v1/${path}`, { ...bob, ...more })
      const list = jsonOf(yield* ofBob("sessions/"))
      assert.deepStrictEqual(
        list.items.map(({ hostname }: { hostname: string }) => hostname),
        ["web1"]
      )
      const overview = jsonOf(yield* ofBob("overview"))
      assert.deepStrictEqual(
        overview.sessions.map(({ id }: { id: number }) => id),
        [ids.web1]
      )
      assert.strictEqual(overview.counters.sessionCount, 1)
      assert.strictEqual(overview.connections.control, 1)
      assert.strictEqual(overview.drain.sessionCount, 1)
      const { memoryBytes, halvesBytes, openFileCount, traceChunkCount } = overview.counters
      assert.deepStrictEqual([memoryBytes, halvesBytes, openFileCount, traceChunkCount], [0, 0, 0, 0])
      assert.strictEqual(jsonOf(yield* ofBob("counters")).sessionCount, 1)
      assert.strictEqual(jsonOf(yield* ofBob("connections")).total, 1)
      const hidden = jsonOf(yield* to(relay.port, "/api/v1/connections", alice)).items.find(
        ({ sessionId }: { sessionId: number }) => sessionId === ids.db1
      )
      const drop = { method: "DELETE" }
      // Of each endpoint, what of another's it is asked for is as what is not there; the rest is of all sessions.
      const shown = ["GET sessions", "GET overview", "GET counters", "GET connections", "GET events"]
      const endpoints = Object.values(AdminApi.groups).flatMap((group) => Object.values(group.endpoints))
      assert.isAbove(endpoints.length, 20)
      for (const { method, path } of endpoints) {
        const asking = (id: number) => ofBob(path.replace("/api/v1/", "").replace(":id", `${id}`), { method })
        const wanted = `${method} ${path.replace("/api/v1/", "")}`
        if (path.includes(":id")) {
          const others = path.includes("connections") ? hidden.id : ids.db1
          const [theirs, none] = [yield* asking(others), yield* asking(9999)]
          assert.strictEqual(JSON.stringify(theirs).replace(`${others}`, "9999"), JSON.stringify(none), wanted)
          assert.strictEqual(statusOf(none), 404, wanted)
        } else if (!shown.includes(wanted)) assert.strictEqual(statusOf(yield* asking(0)), 401, wanted)
      }
      // A page of somebody else, in a browser that has the certificate.
      const foreign = { ...drop, headers: { "sec-fetch-site": "same-site" } }
      assert.strictEqual(statusOf(yield* ofBob(`sessions/${ids.web1}`, foreign)), 401)
      assert.strictEqual((yield* relay.relay.sessions).length, 2)
      assert.strictEqual(statusOf(yield* ofBob(`sessions/${ids.web1}`, drop)), 204)
      assert.strictEqual((yield* relay.relay.sessions).length, 1)
      // Rules that change count for the next question.
      yield* relay.relay.replaceAccess({ ...access, rules: [] })
      assert.strictEqual(statusOf(yield* ofBob("overview")), 401)
    })
  )

  it.live("is behind a balancer for whom it says, and refuses who does not", () =>
    Effect.gen(function* () {
      const relay = yield* Ports.start({ proxyFrom: ["127.0.0.1"] })
      const ask = (header: Uint8Array): Effect.Effect<string> =>
        Effect.callback((resume) => {
          const socket = net.connect(relay.port, "127.0.0.1")
          let all = ""
          socket.on("data", (bytes) => {
            all += bytes.toString("latin1")
          })
          socket.on("error", () => undefined)
          socket.on("close", () => resume(Effect.succeed(all.split("\r\n")[0] ?? "")))
          for (const byte of header) socket.write(Buffer.of(byte))
          socket.write("GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        })
      assert.strictEqual(yield* ask(Balancer.header({ command: 0x20, family: 0 })), "HTTP/1.1 200 OK")
      assert.strictEqual(yield* ask(Balancer.ipv4("192.0.2.7", 1)), "HTTP/1.1 401 Unauthorized")
      // For somebody whom it does not know.
      assert.strictEqual(yield* ask(Balancer.header({ command: 0x21, family: 0 })), "HTTP/1.1 401 Unauthorized")
      assert.strictEqual(yield* ask(Buffer.alloc(0)), "")
      const { incidents } = yield* relay.relay.activity
      assert.deepStrictEqual(incidents, [{ code: "PROXY_REFUSED", count: 1 }])
    })
  )

  it("has one listener for connections of its own in this runtime, which is put behind the door", () => {
    assert.isDefined(listenerOf(http.createServer()))
  })
})
