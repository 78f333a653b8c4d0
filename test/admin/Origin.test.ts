/** By whom the operator's port is asked: as a browser asks that was led to it by a name of somebody else's. */
import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Origin from "../../src/admin/Origin.ts"
import * as Ports from "./ports.ts"

const loopback: Origin.Names = { isLoopback: true, hosts: ["relay.example"] }

describe("the name a request asks by", () => {
  it.each([
    ...[
      "localhost",
      "localhost:5345",
      "LocalHost.:5345",
      "127.0.0.1",
      "127.1.2.3:5345",
      "[::1]:5345",
      "[0:0:0:0:0:0:0:1]"
    ],
    ...["[::ffff:127.0.0.1]:5345", "relay.example", "Relay.Example:80"]
  ])("%s is meant", (host) => {
    assert.isUndefined(Origin.refusal(loopback, { host }))
  })

  it.each([
    ...["evil.example", "evil.example:5345", "127.0.0.1.evil.example", "localhost.evil.example", "", "0.0.0.0", "[::]"],
    ...["127.0.0.1@evil.example", "1270.0.1", "[::2]", "::1", "relay.example.evil", "10.0.0.1"]
  ])("%s is not", (host) => {
    assert.isString(Origin.refusal(loopback, { host }))
  })

  it("is anybody's where the port is not this machine's alone, unless names are given", () => {
    const host = "relay.site.example"
    assert.isUndefined(Origin.refusal({ isLoopback: false, hosts: [] }, { host }))
    assert.isString(Origin.refusal({ isLoopback: false, hosts: ["other.example"] }, { host }))
  })
})

describe("a browser that says whose page asks", () => {
  it("gets an answer for the relay's own page, and for a person that follows a link", () => {
    const own = { host: "localhost", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }
    assert.isUndefined(Origin.refusal(loopback, own))
    assert.isUndefined(
      Origin.refusal(loopback, { ...own, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })
    )
    assert.isString(Origin.refusal(loopback, { ...own, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }))
  })
})

/** As it goes over the wire: no client is asked what it thinks of the name. */
const raw = (url: string, lines: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1")
    let text = ""
    socket.on("data", (bytes) => {
      text += bytes.toString()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(text)))
    socket.write(`${lines.join("\r\n")}\r\nconnection: close\r\n\r\n`)
  })

describe("the operator's port", () => {
  it.live("answers nothing by another's name, whatever is asked, the token or not", () =>
    Effect.gen(function* () {
      const { url } = yield* Ports.start()
      for (const path of [
        "/",
        "/livez",
        "/metrics",
        "/api/v1/sessions",
        "/openapi.json",
        "/api/v1/events",
        "/nothing"
      ]) {
        const answer = yield* raw(url, [
          `GET ${path} HTTP/1.1`,
          "host: evil.example:5345",
          `authorization: Bearer ${Ports.token}`
        ])
        assert.match(answer, /^HTTP\/1\.1 421 /, path)
        assert.notInclude(answer, "sessions")
        assert.match(answer, /content-security-policy: default-src 'none'/i)
      }
      const meant = yield* raw(url, ["GET /api/v1/sessions HTTP/1.1", "host: relay.example"])
      assert.match(meant, /^HTTP\/1\.1 200 /)
      assert.match(meant, /content-security-policy: default-src 'none'.*frame-ancestors 'none'/i)
      assert.notMatch(meant, /access-control-allow/i)
    })
  )
})
