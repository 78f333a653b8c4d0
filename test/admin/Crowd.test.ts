/** Who makes room at the operator's port when there are too many, and whose turn it is. */
import type { ServerResponse } from "node:http"
import { connect, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Bounds, CrowdServer } from "../../src/admin/port/Crowd.ts"
import { until } from "../../src/testing/Waiting.ts"
import { listening } from "../support/listening.ts"

const requestOf = (path: string) => `GET ${path} HTTP/1.1\r\nhost: h\r\n\r\n`
const request = requestOf("/")

/** Nothing but the crowd closes a connection. */
const start = (bounds: Partial<Bounds>) =>
  Effect.gen(function* () {
    const patient = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 }
    const server = new CrowdServer(patient, {
      connectionCountMax: 2,
      waitingCountMax: 8,
      requestsPerSecond: 1000,
      burstCount: 1000,
      ...bounds
    })
    const asked: Array<string | undefined> = []
    const answers: Array<ServerResponse> = []
    server.on("connection", (socket: Socket) => server.enter(socket))
    server.on("request", (message, answer) => {
      asked.push(message.url)
      answers.push(answer)
    })
    const port = yield* listening(server)
    const join = (text = "") =>
      Effect.callback<{ readonly socket: Socket; isClosed: boolean }>((resume) => {
        const guest = { socket: connect(port, "127.0.0.1"), isClosed: false }
        guest.socket.on("error", () => undefined).on("close", () => (guest.isClosed = true))
        guest.socket.resume()
        guest.socket.on("connect", () => guest.socket.write(text, () => resume(Effect.succeed(guest))))
      })
    return { answers, asked, join }
  })

describe("one too many", () => {
  it.live("takes the place of the oldest that has asked nothing", () =>
    Effect.gen(function* () {
      const { asked, join } = yield* start({})
      const busy = yield* join(request)
      yield* until("its request", () => asked.length === 1)
      const silent = yield* join()
      const next = yield* join(request)
      yield* until("room", () => silent.isClosed)
      yield* until("the next one's request", () => asked.length === 2)
      assert.deepStrictEqual([busy.isClosed, next.isClosed], [false, false])
    })
  )

  it.live("takes the place of the oldest, if all are busy", () =>
    Effect.gen(function* () {
      const { asked, join } = yield* start({})
      const first = yield* join(request)
      const second = yield* join(request)
      yield* until("both", () => asked.length === 2)
      const third = yield* join(request)
      yield* until("room", () => first.isClosed)
      yield* until("the third one's request", () => asked.length === 3)
      assert.deepStrictEqual([second.isClosed, third.isClosed], [false, false])
    })
  )
})

describe("a connection", () => {
  it.live("that asks and asks before it is answered is closed", () =>
    Effect.gen(function* () {
      const { asked, join } = yield* start({ waitingCountMax: 3 })
      const greedy = yield* join(request.repeat(5))
      yield* until("its end", () => greedy.isClosed)
      assert.isAtMost(asked.length, 1)
    })
  )

  it.live("that got a large answer has asked as much as for many small ones", () =>
    Effect.gen(function* () {
      const { answers, asked, join } = yield* start({ requestsPerSecond: 0.001, burstCount: 6, waitingCountMax: 3 })
      const guest = yield* join(requestOf("/small"))
      yield* until("the first", () => asked.length === 1)
      answers[0]?.end("x")
      guest.socket.write(requestOf("/large"))
      yield* until("the second", () => asked.length === 2)
      answers[1]?.end(Buffer.alloc(5 * 64 * 1024))
      yield* until("all of it", () => answers[1]?.closed === true)
      // If one of four is answered, the others may wait.
      const other = yield* join(requestOf("/other").repeat(4))
      yield* until("its end", () => other.isClosed)
      assert.deepStrictEqual(asked, ["/small", "/large"])
    })
  )

  it.live("has one request at a time, and keeps nobody else's waiting", () =>
    Effect.gen(function* () {
      const { answers, asked, join } = yield* start({})
      yield* join(requestOf("/1") + requestOf("/2") + requestOf("/3"))
      yield* until("the first", () => asked.length === 1)
      yield* join(requestOf("/other"))
      yield* until("the other's", () => asked.length === 2)
      assert.deepStrictEqual(asked, ["/1", "/other"])
      for (const next of ["/2", "/3"]) {
        for (const answer of answers.splice(0)) answer.end()
        yield* until(next, () => asked.at(-1) === next)
      }
    })
  )
})
