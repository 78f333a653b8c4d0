/** What waits for a peer does not count the time in which its own process was stopped: then nobody was served. */
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as Wire from "../../src/testing/Wire.ts"

const limitMillis = 100

/** Of the flags: the port it listens on, and that it has answered. */
const [port, answered] = [0, 1]

/** Answers one byte to each, in a thread of its own. */
const server = `
  const { workerData } = require("node:worker_threads")
  const flags = new Int32Array(workerData)
  const tell = (at, value) => { Atomics.store(flags, at, value); Atomics.notify(flags, at) }
  const server = require("node:net").createServer((socket) =>
    socket.on("data", (bytes) => socket.write(bytes, () => tell(${answered}, 1)))
  )
  server.listen(0, "127.0.0.1", () => tell(${port}, server.address().port))
`

const answering = Effect.acquireRelease(
  Effect.sync(() => {
    const flags = new Int32Array(new SharedArrayBuffer(8))
    return { flags, worker: new Worker(server, { eval: true, workerData: flags.buffer }) }
  }),
  ({ worker }) => Effect.promise(() => worker.terminate())
)

describe("a wait for a peer", () => {
  it.live("does not count the time in which nothing of its process runs", () =>
    Effect.gen(function* () {
      const { flags } = yield* answering
      Atomics.wait(flags, port, 0)
      const wire = yield* Wire.connect(Atomics.load(flags, port), "127.0.0.1", Duration.millis(limitMillis))
      const stopped = Effect.sync(() => {
        Atomics.wait(flags, answered, 0)
        Atomics.wait(flags, answered, 1, 3 * limitMillis)
      })
      yield* wire.send(Buffer.from([7]))
      const [read] = yield* Effect.all([wire.read(1), stopped], { concurrency: 2 })
      assert.deepStrictEqual([...read], [7])
    })
  )

  it.live("ends when nothing comes", () =>
    Effect.gen(function* () {
      const { flags } = yield* answering
      Atomics.wait(flags, port, 0)
      const wire = yield* Wire.connect(Atomics.load(flags, port), "127.0.0.1", Duration.millis(limitMillis))
      assert.strictEqual((yield* Effect.flip(wire.read(1)))._tag, "WireSilent")
    })
  )
})
