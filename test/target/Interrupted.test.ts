/** Calls that are given up, or fail: nothing is waited for that does not come, nothing is left open. */
import { createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Target from "../../src/target/Target.ts"
import * as Link from "../../src/testing/Link.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Waiting from "../../src/testing/Waiting.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"

/** A session and a viewer of it, over a network that may freeze. */
const made = Effect.gen(function* () {
  const { dataPort, relay } = yield* TestRelay.make()
  const link = yield* Link.make()
  const [control, live] = [yield* link.listen(relay.addresses.control), yield* link.listen(relay.addresses.live)]
  const target = yield* Target.make({ url: `net://127.0.0.1:${control}:${dataPort}` })
  const session = yield* target.session({ name: "s", liveTimer: "10 seconds" })
  const stream = yield* session.stream({ path: "ust", channel: "a_0" })
  const metadata = yield* session.metadata("ust")
  const { viewer } = yield* LiveViewer.fromUrl(`net://127.0.0.1:${live}`)
  const [listed] = yield* viewer.sessions
  assert.isDefined(listed)
  return { link, listed, metadata, session, stream, viewer }
})
type Made = Effect.Success<typeof made>

const calls: Readonly<Record<string, (made: Made) => Effect.Effect<unknown, { readonly _tag: string }, Scope.Scope>>> =
  {
    stream: ({ session }) => session.stream({ path: "ust", channel: "b_0" }),
    metadata: ({ session }) => session.metadata("other"),
    publish: ({ session }) => session.publish,
    rotate: ({ session }) => session.rotate(),
    clear: ({ session }) => session.clear,
    rotateClosed: ({ session }) => session.rotateClosed(),
    isPending: ({ session }) => session.isPending,
    close: ({ session }) => session.close(),
    "close of a stream": ({ stream }) => stream.close,
    "close of the metadata": ({ metadata }) => metadata.close,
    sessions: ({ viewer }) => viewer.sessions,
    attach: ({ listed, viewer }) => viewer.attach(listed)
  }

describe("a call that is given up", () => {
  for (const [name, call] of Object.entries(calls)) {
    it.live(`does not wait for a relay that does not answer: ${name}`, () =>
      Effect.gen(function* () {
        const all = yield* made
        // The viewer's session is there, so that an attachment alone is waited for.
        yield* Effect.scoped(all.viewer.attach(all.listed))
        all.link.freeze()
        const failure = yield* Effect.flip(Effect.timeout(call(all), "20 millis"))
        assert.strictEqual(failure._tag, "TimeoutError")
      })
    )
  }
})

/** Something that is no relay, and keeps its connections. */
const stranger = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly open: Set<Socket>; readonly close: () => void }>((resume) => {
    const open = new Set<Socket>()
    const server = createServer((socket) => {
      open.add(socket.on("close", () => open.delete(socket)).on("error", () => {}))
      socket.write("HTTP/1.1 400 Bad Request\r\nConnection: keep-alive\r\n\r\n")
      socket.resume()
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = () => {
        for (const socket of open) socket.destroy()
        server.close()
      }
      resume(Effect.succeed({ port, open, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

describe("a call that fails", () => {
  it.live("leaves no connection open, though its scope goes on: a session that is refused", () =>
    Effect.gen(function* () {
      const { relay, targetUrl } = yield* TestRelay.make()
      const target = yield* Target.make({ url: targetUrl })
      yield* relay.drain.begin()
      const refused = yield* Effect.flip(target.session({ name: "s" }))
      assert.strictEqual(refused._tag, "RelayRefused")
      yield* Waiting.until("the connection to end", relay.connections, ({ length }) => length === 0)
    })
  )

  it.live("leaves no connection open, though its scope goes on: a viewer of what is no relay", () =>
    Effect.gen(function* () {
      const { open, port } = yield* stranger
      const failed = yield* Effect.flip(LiveViewer.fromUrl(`net://127.0.0.1:${port}`))
      assert.strictEqual(failed._tag, "ReplyMalformed")
      yield* Waiting.until("the connection to end", () => open.size === 0)
    })
  )
})
