/** Requests and replies over one connection: what becomes of requests once nothing can be told apart any more. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import * as Exchange from "../../src/transport/Exchange.ts"
import * as InProcess from "../../src/transport/InProcess.ts"

/** More than may be on their way at once, several times over. */
const requestCount = 1000

const reply: Exchange.Reply<Uint8Array> = {
  command: "TEST",
  read: Exchange.exactly(4),
  layout: { decode: Result.succeed }
}

const made = Effect.gen(function* () {
  const ends = InProcess.make("test")
  return { ends, exchange: yield* Exchange.make(ends.link) }
})

describe("Exchange", () => {
  it.effect("after a lost connection refuses every request, however many there are", () =>
    Effect.gen(function* () {
      const { ends, exchange } = yield* made
      ends.leave()
      for (let count = 0; count < requestCount; count++) {
        const failure = yield* Effect.flip(exchange.ask([Buffer.from("what")], reply))
        assert.strictEqual(failure._tag, "LinkLost")
      }
    })
  )

  it.effect("refuses those that wait for their turn when the connection is lost", () =>
    Effect.gen(function* () {
      const { ends, exchange } = yield* made
      const ask = Effect.flip(exchange.ask([Buffer.from("what")], reply))
      const asking = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: requestCount }, () => ask),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      ends.leave()
      const failures = yield* Fiber.join(asking)
      assert.deepStrictEqual([...new Set(failures.map(({ _tag }) => _tag))], ["LinkLost"])
    })
  )
})
