/** Requests and replies over one connection: what becomes of requests once nothing can be told apart any more. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Result, Scope } from "effect"
import * as Exchange from "../../src/transport/Exchange.ts"
import * as InProcess from "../../src/transport/InProcess.ts"
import { turns } from "../support/turns.ts"
import { halting } from "../support/yielding.ts"

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

  it.live("refuses, or answers, whoever asked when its scope is closed, at whatever step of an answer that is", () =>
    Effect.gen(function* () {
      let hasClosed = true
      let step = 1
      for (; hasClosed; step++) {
        const scope = yield* Scope.make()
        let left = Number.POSITIVE_INFINITY
        let closing: Fiber.Fiber<void> | undefined
        const close = () => {
          closing ??= Effect.runFork(Scope.close(scope, Exit.void))
        }
        const made = Effect.gen(function* () {
          const ends = InProcess.make("test")
          return { ends, exchange: yield* Scope.provide(Exchange.make(ends.link), scope) }
        })
        const { ends, exchange } = yield* halting(made, () => --left === 0, close)
        left = step
        const asked = Effect.exit(exchange.ask([Buffer.from("what")], reply))
        const asking = yield* Effect.forkChild(asked, { startImmediately: true })
        yield* turns(20)
        ends.peer.send(Buffer.from("this"))
        yield* turns(20)
        hasClosed = closing !== undefined
        close()
        yield* turns(20)
        assert.isDefined(asking.pollUnsafe(), `at step ${step}`)
      }
      assert.isAbove(step, 10)
    })
  )
})
