/** The toolbox at relays and edges of another version: what they lack, or say besides, is nothing wrong. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import * as AdminClient from "../../src/admin/AdminClient.ts"
import { lines } from "../../src/cli/edge/EdgeStatus.ts"
import * as Report from "../../src/edge/Report.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Earlier from "../support/earlier.ts"

type Json = (value: unknown) => unknown

/** Objects whose members are of no fixed names. */
const tables = new Set(["connections", "openConnections", "openedConnections"])

/** As a later version may say it: with one member more in each object. */
const more: Json = (value) => {
  if (Array.isArray(value)) return value.map(more)
  if (typeof value !== "object" || value === null) return value
  const members = Object.entries(value).map(
    ([name, member]) => [name, tables.has(name) ? member : more(member)] as const
  )
  return { ...Object.fromEntries(members), oneMore: { of: ["a later version"] } }
}

const statusLines = (status: unknown) =>
  Effect.gen(function* () {
    const files = new MemoryFiles()
    files.write("/spool/status.json", Buffer.from(JSON.stringify(status)))
    return lines((yield* Report.read(files.service, "/spool")) ?? assert.fail("it was read"), true).join("\n")
  })

const versions: ReadonlyArray<readonly [string, Json]> = [
  ["an earlier version", (value) => value],
  ["a later version", more]
]

for (const [name, as] of versions) {
  it.effect(`all that the operator's port of ${name} says is understood`, () =>
    Effect.gen(function* () {
      const { api } = Earlier.said()
      const asked: Array<string> = []
      const http = HttpClient.make((request, url) => {
        asked.push(url.pathname)
        return Effect.succeed(HttpClientResponse.fromWeb(request, Response.json(as(api[url.pathname]))))
      })
      const { daemon, relay, sessions } = yield* AdminClient.make({ url: "http://relay" }).pipe(
        Effect.provideService(HttpClient.HttpClient, http)
      )
      const { items } = yield* sessions.list({ query: {} })
      assert.deepStrictEqual(
        items.map(({ edge }) => edge?.name),
        [undefined, "target"]
      )
      for (const id of [1, 2]) yield* sessions.get({ params: { id } })
      yield* sessions.history({ params: { id: 1 } })
      assert.strictEqual((yield* relay.overview({ query: {} })).sessions.length, 2)
      yield* relay.connections({ query: {} })
      yield* relay.draining()
      yield* relay.takeBackDrain()
      yield* relay.counters()
      yield* relay.activity()
      yield* relay.devices({ query: {} })
      yield* relay.process()
      yield* daemon.logLevel()
      assert.deepStrictEqual(new Set(asked), new Set(Object.keys(api)))
    })
  )

  it.effect(`what an edge of ${name} says of itself is shown`, () =>
    Effect.gen(function* () {
      const shown = yield* statusLines(as(Earlier.said().status))
      assert.include(shown, "target/edged-0")
    })
  )
}

it.effect("a loss for a reason that only a later version knows is shown by its word", () =>
  Effect.gen(function* () {
    const losses = [{ name: "h/s", policy: "weather", packetCount: 2, byteCount: 100 }]
    const shown = yield* statusLines({ ...(Earlier.said().status as object), losses })
    assert.include(shown, "lost of h/s (weather): 2 packets, 100 B")
  })
)
