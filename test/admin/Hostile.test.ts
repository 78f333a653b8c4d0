/** HTTP clients that mean no good: what they hold is bounded, and nobody else notices them. */
import { connect, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SyntheticTrace, Target } from "../../src/index.ts"
import * as Ports from "./ports.ts"

const path = "ust/uid/0/64-bit"
const uuid = "01234567-89ab-cdef-0123-456789abcdef"

const openings: ReadonlyArray<string> = [
  // Half a request.
  "GET /metrics HTTP/1.1\r\nhost: localhost\r\n",
  // Nothing.
  "",
  // A body that does not come.
  "POST /api/v1/drain HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\ncontent-type: application/json\r\n\r\n{",
  // No HTTP.
  "\0\0\0\0\0\0\0\x08\0\0\0\x01",
  // A header without end.
  `GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}`,
  // Answers that are not read.
  "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(50),
  // Events that are not read.
  "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n"
]

/** One byte of a header, again and again: a peer that is never silent. */
const drip = (sockets: ReadonlyArray<Socket>) =>
  Effect.forever(
    Effect.andThen(
      Effect.sync(() => {
        for (const socket of sockets) if (socket.writable) socket.write("y")
      }),
      Effect.sleep("20 millis")
    )
  )

const attack = (port: number, count: number) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Array.from({ length: count }, (_, at): Socket => {
        const socket = connect(port, "127.0.0.1")
        socket.on("error", () => undefined)
        socket.pause()
        socket.write(openings[at % openings.length] ?? "")
        return socket
      })
    ),
    (sockets) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
      })
  )

/** Requests of others come before, twenty in a second. Half a request is cut off half a second later. */
const patienceMillis = 4500

/** As somebody who comes anew: a connection that is kept for the next request makes room for others. */
const statusOf = (url: string) =>
  Effect.promise(async () => {
    try {
      const headers = { connection: "close" }
      return (await fetch(url, { headers, signal: AbortSignal.timeout(patienceMillis) })).status
    } catch {
      return 0
    }
  })

describe("two hundred hostile HTTP clients", () => {
  it.live("keep no target from its relay, and nobody from the port", () =>
    Effect.gen(function* () {
      const { output, relay, targetUrl, url } = yield* Ports.start()
      const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
      const session = yield* target.session({ name: "s" })
      const stream = yield* session.stream({ path, channel: "ch_0" })
      const port = Number(new URL(url).port)
      const sockets = yield* attack(port, 200)
      yield* Effect.forkScoped(drip(sockets.filter((_, at) => at % openings.length === 0)))
      const generator = SyntheticTrace.generator(uuid, 0, 4096, 0n)
      for (let at = 1; at <= 500; at++) yield* stream.packet(generator.next(BigInt(at) * 1000n))
      yield* session.close()
      assert.isNotEmpty(output.tree({ contents: false }).filter((line) => line.endsWith(`ch_0 ${500 * 4096}`)))
      // Not some time later, when they have been cut off: those that are of no use make room.
      for (let at = 0; at < 20; at++) assert.strictEqual(yield* statusOf(`${url}/livez`), 200)
      yield* attack(port, 200)
      assert.strictEqual(yield* statusOf(`${url}/livez`), 200)
      assert.strictEqual((yield* relay.drain.status).isDraining, false)
    })
  )

  it.live("send no larger body than a request has", () =>
    Effect.gen(function* () {
      const { relay, url } = yield* Ports.start()
      const status = yield* Effect.promise(async () => {
        const headers = { authorization: `Bearer ${Ports.token}`, "content-type": "application/json" }
        const body = JSON.stringify({ deadlineSeconds: 1, filling: "x".repeat(1_000_000) })
        try {
          return (await fetch(`${url}/api/v1/drain`, { method: "POST", headers, body })).status
        } catch {
          return 0
        }
      })
      assert.notStrictEqual(status, 200)
      assert.strictEqual((yield* relay.drain.status).isDraining, false)
    })
  )
})
