/** The operator's API in a program's own HTTP server, beside routes of the program's. */
import { createServer, request } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Context, type Duration, Effect, Exit, Layer, Scope } from "effect"
import { FetchHttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import * as AdminClient from "../../src/admin/AdminClient.ts"
import * as AdminRoutes from "../../src/admin/AdminRoutes.ts"
import { defaults } from "../../src/config/RelayDefaults.ts"
import { Relay } from "../../src/Relay.ts"
import * as Target from "../../src/target/Target.ts"
import { TestRelay } from "../../src/testing/index.ts"

const config = { ...defaults, output: "/traces" }
const token = "correct horse"
const own = HttpRouter.add("GET", "/", HttpServerResponse.text("the program's own"))

const start = (options: Omit<AdminRoutes.Options, "config">) => serving(AdminRoutes.layer({ config, ...options }))

const serving = (api: ReturnType<typeof AdminRoutes.layer>, gracefulShutdownTimeout: Duration.Input = "100 millis") =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const routes = Layer.mergeAll(own, api)
    const served = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      AdminRoutes.endFeedsFirst,
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0, gracefulShutdownTimeout })),
      Layer.provide(Layer.succeed(Relay, relay.relay))
    )
    const { address } = Context.get(yield* Layer.build(Layer.fresh(served)), HttpServer.HttpServer)
    const url = `http://127.0.0.1:${address._tag === "UnixPathAddress" ? 0 : address.port}`
    const status = (path: string) => Effect.promise(() => fetch(url + path).then((answer) => answer.status))
    const clientWith = (given?: string) =>
      Effect.provide(AdminClient.make({ url, token: given }), FetchHttpClient.layer)
    return { ...relay, url, status, clientWith }
  })

describe("a program's own HTTP server", () => {
  it.live("answers for its relay what the operator's port does, to who has the token", () =>
    Effect.gen(function* () {
      const { clientWith, relay, status, targetUrl, url } = yield* start({ token })
      const target = yield* Target.make({ url: targetUrl, hostname: "host" })
      const session = yield* target.session({ name: "shown" })
      const client = yield* clientWith(token)
      const { items } = yield* client.sessions.list({ query: {} })
      assert.deepStrictEqual(
        items.map(({ name }) => name),
        ["shown"]
      )
      assert.deepStrictEqual((yield* client.relay.overview({ query: {} })).counters, yield* relay.counters)
      const metrics = yield* Effect.promise(() =>
        fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } }).then((answer) => answer.text())
      )
      assert.match(metrics, /^lttng_relay_sessions 1$/m)
      yield* client.sessions.end({ params: { id: Number(session.id) } })
      assert.deepStrictEqual(yield* relay.sessions, [])
      yield* client.relay.drain({ payload: {} })
      assert.strictEqual(yield* status("/readyz"), 503)
      const refused = yield* Effect.flip((yield* clientWith()).sessions.list({ query: {} }))
      assert.strictEqual(refused._tag, "Unauthorized")
    })
  )

  it.live("may be served again after it was closed: events go on", () =>
    Effect.gen(function* () {
      const api = AdminRoutes.layer({ config, isOpen: true })
      yield* Effect.scoped(serving(api))
      const { targetUrl, url } = yield* serving(api)
      const answer = yield* Effect.promise(() => fetch(`${url}/api/v1/events`))
      const reader = answer.body?.getReader()
      const target = yield* Target.make({ url: targetUrl, hostname: "host" })
      yield* target.session({ name: "shown" })
      assert.strictEqual((yield* Effect.promise(async () => await reader?.read()))?.done, false)
      yield* Effect.promise(async () => await reader?.cancel())
    })
  )

  it.live("ends feeds before it waits for answers", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const api = AdminRoutes.layer({ config, isOpen: true })
      const { url } = yield* Scope.provide(serving(api, "1 hour"), scope)
      const answer = yield* Effect.promise(() => fetch(`${url}/api/v1/events`))
      yield* Scope.close(scope, Exit.void)
      assert.match(yield* Effect.promise(() => answer.text()), /"_tag":"Heartbeat"/)
    })
  )

  it.live("may be those of several relays, below a path each", () =>
    Effect.gen(function* () {
      const below = (path: `/${string}`, name: string) =>
        Effect.gen(function* () {
          const { relay, targetUrl } = yield* TestRelay.make()
          const target = yield* Target.make({ url: targetUrl, hostname: "host" })
          yield* target.session({ name })
          const router = Effect.map(HttpRouter.HttpRouter, (whole) => whole.prefixed(path))
          return AdminRoutes.layer({ config, token }).pipe(
            Layer.provide(Layer.effect(HttpRouter.HttpRouter, router)),
            Layer.provide(Layer.succeed(Relay, relay))
          )
        })
      const { status, url } = yield* serving(Layer.mergeAll(yield* below("/a", "one"), yield* below("/b", "other")))
      const namesAt = (path: string) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* status(`${path}/livez`), 200, path)
          assert.strictEqual(yield* status(`${path}/metrics`), 401, path)
          const { sessions } = yield* AdminClient.make({ url: url + path, token })
          return (yield* sessions.list({ query: {} })).items.map(({ name }) => name)
        }).pipe(Effect.provide(FetchHttpClient.layer))
      assert.deepStrictEqual(yield* namesAt("/a"), ["one"])
      assert.deepStrictEqual(yield* namesAt("/b"), ["other"])
    })
  )

  it.live("lets no page of somebody else ask, where it is open", () =>
    Effect.gen(function* () {
      const { url } = yield* start({ isOpen: true, hosts: ["relay.example"] })
      const { port } = new URL(url)
      const ask = (path: string, headers: Record<string, string>) =>
        Effect.callback<number>((resume) => {
          const sent = request({ port, path, headers }, (answer) => {
            answer.resume()
            resume(Effect.succeed(answer.statusCode ?? 0))
          })
          sent.end()
        })
      for (const path of ["/api/v1/sessions", "/metrics", "/readyz"]) {
        assert.strictEqual(yield* ask(path, { host: `localhost:${port}` }), 200, path)
        assert.strictEqual(yield* ask(path, { host: "relay.example" }), 200, path)
        assert.strictEqual(yield* ask(path, { host: "evil.example" }), 421, path)
        const site = { host: "localhost", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }
        assert.strictEqual(yield* ask(path, site), 421, path)
      }
      assert.strictEqual(yield* ask("/", { host: "evil.example" }), 200)
    })
  )

  it.live("keeps its own routes, and has none of a daemon's", () =>
    Effect.gen(function* () {
      const { status } = yield* start({ isOpen: true })
      const wanted = {
        "/": 200,
        "/livez": 200,
        "/readyz": 200,
        "/metrics": 200,
        "/api/v1/sessions": 200,
        "/page.js": 404
      }
      for (const [path, code] of Object.entries({ ...wanted, "/api/v1/log": 404, "/api/v1/configuration": 404 })) {
        assert.strictEqual(yield* status(path), code, path)
      }
    })
  )

  it.live("shows those without the token what there is, lets them change nothing, and keeps events to itself", () =>
    Effect.gen(function* () {
      const { clientWith, relay, status, targetUrl } = yield* start({ token: "", isOpen: true })
      const target = yield* Target.make({ url: targetUrl, hostname: "host" })
      const { id } = yield* target.session({ name: "shown", liveTimer: "1 second" })
      const client = yield* clientWith()
      assert.strictEqual((yield* client.sessions.list({ query: {} })).total, 1)
      const ended = yield* Effect.flip(client.sessions.end({ params: { id: Number(id) } }))
      assert.strictEqual(ended._tag, "Unauthorized")
      assert.strictEqual(yield* status(`/api/v1/sessions/${id}/events`), 401)
      assert.strictEqual((yield* relay.sessions).length, 1)
    })
  )
})
