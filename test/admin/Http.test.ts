/** The operator's port as HTTP, byte by byte: what a client of any make gets, by its own thread and by the relay's doors. */
import { connect } from "node:net"
import type { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { keyOf, Recent } from "../../src/admin/port/Recent.ts"
import { until } from "../support/process.ts"
import * as Ports from "./ports.ts"

/** All that comes until the port closes the connection, or has said something and then nothing for a while. */
const talk = (port: number, said: string | Buffer): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const socket = connect(port, "127.0.0.1")
    let heard = ""
    socket.setEncoding("latin1").on("data", (part: string) => {
      heard += part
      socket.setTimeout(1_000, () => socket.destroy())
    })
    socket.on("error", () => undefined)
    socket.once("close", () => resume(Effect.succeed(heard)))
    socket.write(said)
  })

const statuses = (heard: string): ReadonlyArray<number> =>
  [...heard.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))

const request = (line: string, ...headers: ReadonlyArray<string>): string =>
  `${[`${line} HTTP/1.1`, "host: localhost", "connection: close", ...headers].join("\r\n")}\r\n\r\n`

const authorized = `authorization: Bearer ${Ports.token}`
const json = "content-type: application/json"
const large = "x".repeat(100_000)

const body = (line: string, text: string): string =>
  request(line, authorized, json, `content-length: ${text.length}`) + text

const asked: ReadonlyArray<readonly [what: string, said: string, status: number]> = [
  ["a path", request("GET /livez"), 200],
  ["its head", request("HEAD /livez"), 200],
  ["the head of metrics", request("HEAD /metrics"), 200],
  ["the head of what has no end", request("HEAD /api/v1/events"), 200],
  ["a URL of this port", request("GET http://localhost/livez"), 200],
  ["a URL of another scheme", request("GET ftp://localhost/livez"), 400],
  ["what a path can be asked for", request("OPTIONS /api/v1/drain"), 204],
  ["a path that there is not", request("GET /nothing"), 404],
  ["a path that cannot be read", request("GET /%zz"), 404],
  ["a method that a path has not", request("DELETE /metrics"), 405],
  ["a method that a path has not, of which something is asked", request("DELETE /metrics?x=1"), 405],
  ["a method of what is only like a path", request("DELETE /openapi_json"), 404],
  ["a method that nothing has", request("TRACE /livez"), 405],
  ["a number that is none", request("GET /api/v1/sessions/abc"), 400],
  ["too many at once", request("GET /api/v1/sessions?limit=1001"), 400],
  ["the first page by name", request("GET /api/v1/sessions?offset=0"), 200],
  ["what is before the first", request("GET /api/v1/sessions?offset=-1"), 400],
  ["an order that there is not", request("GET /api/v1/sessions?sort=colour"), 400],
  ["an action without the token", request("DELETE /api/v1/drain"), 401],
  ["an action with another token", request("DELETE /api/v1/drain", "authorization: Bearer correct horsf"), 401],
  ["an action with the token", request("DELETE /api/v1/drain", authorized), 200],
  ["no body", request("POST /api/v1/drain", authorized, json), 400],
  [
    "a body of another type",
    `${request("POST /api/v1/drain", authorized, "content-type: a/b", "content-length: 2")}{}`,
    415
  ],
  ["a body that is no JSON", `${request("POST /api/v1/drain", authorized, json, "content-length: 1")}{`, 400],
  [
    "a body in chunks",
    `${request("PUT /api/v1/log-level", authorized, json, "transfer-encoding: chunked")}f\r\n{"verbosity":1}\r\n0\r\n\r\n`,
    200
  ],
  ["a body that is too large", request("POST /api/v1/drain", authorized, json, "content-length: 100000") + large, 413],
  [
    "one in chunks",
    `${request("POST /api/v1/drain", authorized, json, "transfer-encoding: chunked")}186a0\r\n${large}\r\n0\r\n\r\n`,
    413
  ],
  ["both lengths", request("POST /api/v1/drain", authorized, "content-length: 3", "transfer-encoding: chunked"), 400],
  ["a header that is too large", request("GET /livez", `x: ${large}`), 431],
  ["no name", "GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n", 400],
  ["two names", "GET /livez HTTP/1.1\r\nhost: localhost\r\nHost: evil.example\r\nconnection: close\r\n\r\n", 400],
  ["a number without end", request(`GET /api/v1/sessions/${"9".repeat(400)}`), 404],
  ["another name", "GET /livez HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n", 421],
  ["a member that there is not", body("POST /api/v1/drain", '{"deadlineSecond":600}'), 400],
  ["one beside those that there are", body("PUT /api/v1/log-level", '{"verbosity":1,"for":5}'), 400],
  ["a body where there is none", body("POST /api/v1/reload", '{"dry":true}'), 400],
  ["one that says nothing", body("DELETE /api/v1/drain", "{}"), 200],
  ["a parameter that there is not", request("GET /api/v1/sessions?limt=3"), 400],
  ["a parameter twice", request("GET /api/v1/sessions?limit=3&limit=4"), 400],
  ["one where there are none", body("POST /api/v1/drain?deadlineSeconds=600", "{}"), 400],
  ["one of the path's end", request("DELETE /api/v1/sessions/1?dry", authorized), 400],
  ["a parameter of metrics", request("GET /metrics?module=x"), 200],
  ["no HTTP", "\0\0\0\0\0\0\0\x08\0\0\0\x01", 400],
  ["another protocol instead", request("GET /livez", "upgrade: websocket").replace("close", "upgrade"), 200]
]

describe("the operator's port", () => {
  it.live("answers each request with the status that HTTP has for it", () =>
    Effect.gen(function* () {
      const { port } = yield* Ports.start()
      for (const [what, said, status] of asked) {
        const heard = yield* talk(port, said)
        assert.deepStrictEqual(statuses(heard), [status], what)
        if (said.startsWith("HEAD")) assert.match(heard, /\r\n\r\n$/, what)
        if (status === 405) assert.match(heard, /^allow: .*(GET|HEAD)/im, what)
        if (status === 401) assert.match(heard, /^www-authenticate: Bearer/im, what)
        if (status === 404) assert.match(heard, /^content-security-policy:.*\r\n\r\nThere is nothing here/ims, what)
        if (status === 400 && said.includes(json)) assert.match(heard, /^content-security-policy:.*\r\n\r\n./ims, what)
      }
      const twice = yield* talk(port, request("GET /api/v1/sessions?limit=3&hostname=a&limit=4"))
      assert.include(twice, '"reason":"Given more than once\\n  at [\\"limit\\"]"')
      const three = yield* talk(
        port,
        `${request("GET /livez").replace("close", "keep-alive").repeat(2)}${request("GET /livez")}`
      )
      assert.deepStrictEqual(statuses(three), [200, 200, 200])
    })
  )

  it.live("is there again when its thread was lost", () =>
    Effect.gen(function* () {
      const threads: Array<Worker> = []
      const hear = (thread: Worker) => void threads.push(thread)
      process.on("worker", hear)
      const { port } = yield* Ports.start()
      const isThere = Effect.map(talk(port, request("GET /livez")), (heard) => statuses(heard)[0] === 200)
      assert.isTrue(yield* isThere)
      const [thread] = threads
      yield* Effect.promise(() => thread?.terminate() ?? Promise.reject(new Error("the port has no thread")))
      assert.isFalse(yield* isThere)
      yield* until("the port to answer", isThere)
      process.off("worker", hear)
    })
  )

  it.live("closes while its thread is lost", () =>
    Effect.gen(function* () {
      const threads: Array<Worker> = []
      const hear = (thread: Worker) => void threads.push(thread)
      process.on("worker", hear)
      const scope = yield* Scope.make()
      yield* Scope.provide(Ports.start(), scope)
      process.off("worker", hear)
      const [thread] = threads
      yield* Effect.promise(() => thread?.terminate() ?? Promise.reject(new Error("the port has no thread")))
      yield* Effect.timeout(Scope.close(scope, Exit.void), "20 seconds")
    })
  )

  it.live("shows no events past the rules, however their path is spelt", () =>
    Effect.gen(function* () {
      const spelt = ["1/events", "1/%65vents", "1/event%73/sse", "1//events", "%31/%65%76%65%6e%74%73", "1/EVENTS"]
      // Some servers, this one's router among them, take all of these for the end of a path.
      const ends = ["1/events;event=*,%", "1/events#event=%", "1/events/sse;event=%zz"]
      const paths = [...spelt, ...ends].map((path) => `/api/v1/sessions/${path}`)
      // Its router takes the path out of what is no URL, too.
      const targets = [...paths, ...["http://h", "http://h:99999", "http://["].map((at) => `${at}${paths[0]}`)]
      for (const doors of [{}, { proxyFrom: ["192.0.2.1"] }]) {
        const { port } = yield* Ports.start(doors, { hidesEvents: true })
        for (const target of targets) {
          // Whoever may ask is told that there is no such session.
          assert.notInclude(yield* talk(port, request(`GET ${target}`)), "SessionUnknown", target)
        }
        const known = yield* talk(port, request("GET /api/v1/sessions/1/%65vents", authorized))
        assert.include(known, "SessionUnknown")
      }
    })
  )

  it.live("speaks OpenMetrics to who accepts it, and to others what all read", () =>
    Effect.gen(function* () {
      const { url } = yield* Ports.start()
      const get = (accept: string) =>
        Effect.promise(async () => {
          const response = await fetch(`${url}/metrics`, { headers: { accept } })
          return { type: response.headers.get("content-type") ?? "", text: await response.text() }
        })
      const open = yield* get("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2")
      assert.match(open.type, /^application\/openmetrics-text/)
      assert.match(open.text, /# TYPE lttng_relay_received_bytes counter\nlttng_relay_received_bytes_total 0\n/)
      assert.isTrue(open.text.endsWith("\n# EOF\n"))
      for (const accept of ["*/*", "text/plain", "application/openmetrics-text;q=0"]) {
        const plain = yield* get(accept)
        assert.match(plain.type, /^text\/plain; version=0\.0\.4/)
        assert.match(plain.text, /# TYPE lttng_relay_received_bytes_total counter\n/)
        assert.notInclude(plain.text, "# EOF")
      }
    })
  )
})

describe("answers of a moment ago", () => {
  const whole = (bytes: number) => ({ status: 200, headers: {}, bytes: new Uint8Array(bytes) })

  it("are given to who asks the same more than twice a second, for a second, until something changes", () => {
    const recent = new Recent()
    const key = keyOf("/metrics", { host: "localhost" })
    for (let at = 0; at < 5; at++) assert.isUndefined(recent.find(key, 0))
    const first = whole(1)
    recent.keep(key, first, 0)
    assert.strictEqual(recent.find(key, 10), first)
    assert.isUndefined(recent.find(keyOf("/metrics", { host: "localhost", authorization: "Bearer x" }), 10))
    let asked = 0
    for (let millis = 10; millis < 10_000; millis += 20) if (recent.find(key, millis) === undefined) asked++
    // Kept once, so it is too old after a second: then everybody asks.
    assert.isAbove(asked, 100)
    recent.keep(key, first, 10_000)
    assert.strictEqual(recent.find(key, 10_001), first)
    recent.clear()
    assert.isUndefined(recent.find(key, 10_002))
  })

  it("take no more memory than they may, the oldest go", () => {
    const recent = new Recent()
    const mebibyte = 1024 * 1024
    for (let at = 0; at < 10; at++) {
      for (let count = 0; count < 5; count++) recent.find(String(at), 0)
      recent.keep(String(at), whole(mebibyte), 0)
    }
    const kept = Array.from({ length: 10 }, (_, at) => at).filter((at) => recent.find(String(at), 1) !== undefined)
    assert.deepStrictEqual(kept, [6, 7, 8, 9])
    recent.keep("9", whole(5 * mebibyte), 1)
    assert.lengthOf(recent.find("9", 2)?.bytes ?? [], mebibyte)
  })

  it("take the room of those in whose place they come, and none once they are void", () => {
    const recent = new Recent()
    const mebibyte = 1024 * 1024
    const keep = (key: string) => {
      for (let count = 0; count < 6; count++) recent.find(key, 0)
      recent.keep(key, whole(mebibyte), 0)
    }
    const isKept = (key: string) => recent.find(key, 1) !== undefined
    for (const key of ["a", "b", "c"]) keep(key)
    for (let count = 0; count < 10; count++) keep("c")
    assert.deepStrictEqual(["a", "b", "c"].map(isKept), [true, true, true])
    recent.clear()
    for (const key of ["d", "e", "f"]) keep(key)
    assert.deepStrictEqual(["a", "d", "e", "f"].map(isKept), [false, true, true, true])
  })

  it("are of few questions, however short they are", () => {
    const recent = new Recent()
    for (let at = 0; at < 1000; at++) {
      for (let count = 0; count < 6; count++) recent.find(String(at), 0)
      recent.keep(String(at), whole(1), 0)
    }
    const kept = Array.from({ length: 1000 }, (_, at) => at).filter((at) => recent.find(String(at), 1) !== undefined)
    assert.isAtMost(kept.length, 64)
  })
})
