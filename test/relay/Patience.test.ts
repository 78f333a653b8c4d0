/** Answers that say the same nothing as a moment ago wait; others do not. Time is the test's. */
import { assert, it, vi } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Patience } from "../../src/relay/Patience.ts"

const hastyMillis = 20

/** Even numbers say something. */
const setUp = Effect.gen(function* () {
  let millis = 1000
  const now = vi.spyOn(performance, "now").mockImplementation(() => millis)
  yield* Effect.addFinalizer(() => Effect.sync(() => now.mockRestore()))
  const news = yield* Deferred.make<void>()
  const state = { answer: 1, later: undefined as Effect.Effect<number> | undefined }
  const patience = new Patience(
    hastyMillis,
    (add: number): number | Effect.Effect<number> => state.later ?? state.answer + add,
    (answer) => (typeof answer === "number" && answer % 2 === 1 ? answer : undefined),
    () => Deferred.await(news)
  )
  const pass = (count: number) => {
    millis += count
  }
  return { news, pass, patience, state }
})

const waiting = (answer: number | Effect.Effect<number>) => {
  if (typeof answer === "number") return assert.fail(`${answer} was said at once`)
  return Effect.forkChild(answer, { startImmediately: true })
}

it.effect("an answer that says something, or another nothing, comes at once", () =>
  Effect.gen(function* () {
    const { patience, state } = yield* setUp
    assert.deepStrictEqual([patience.ask(0), patience.ask(2), patience.ask(1), patience.ask(1)], [1, 3, 2, 2])
    // What was something has ended the silence.
    assert.strictEqual(patience.ask(2), 3)
    state.answer = 4
    assert.strictEqual(patience.ask(1), 5)
  })
)

it.effect("the same nothing comes at once to who pauses", () =>
  Effect.gen(function* () {
    const { pass, patience } = yield* setUp
    for (let round = 0; round < 3; round++) {
      assert.strictEqual(patience.ask(0), 1)
      pass(hastyMillis)
    }
  })
)

it.effect("the same nothing comes after 10 ms to who does not, as the answer is then", () =>
  Effect.gen(function* () {
    const { pass, patience, state } = yield* setUp
    patience.ask(0)
    pass(hastyMillis - 1)
    const fiber = yield* waiting(patience.ask(0))
    yield* TestClock.adjust("9 millis")
    assert.isUndefined(fiber.pollUnsafe())
    state.answer = 6
    yield* TestClock.adjust("1 millis")
    assert.strictEqual(yield* Fiber.join(fiber), 6)
    state.answer = 1
    assert.strictEqual(patience.ask(0), 1)
    const again = yield* waiting(patience.ask(0))
    yield* TestClock.adjust("10 millis")
    assert.strictEqual(yield* Fiber.join(again), 1)
    yield* waiting(patience.ask(0))
  })
)

it.effect("news end the wait", () =>
  Effect.gen(function* () {
    const { news, patience, state } = yield* setUp
    patience.ask(0)
    const fiber = yield* waiting(patience.ask(0))
    state.answer = 8
    yield* Deferred.succeed(news, undefined)
    assert.strictEqual(yield* Fiber.join(fiber), 8)
  })
)

it.effect("an answer that has to be waited for by then is waited for", () =>
  Effect.gen(function* () {
    const { news, patience, state } = yield* setUp
    patience.ask(0)
    const fiber = yield* waiting(patience.ask(0))
    state.later = Effect.succeed(5)
    yield* Deferred.succeed(news, undefined)
    assert.strictEqual(yield* Fiber.join(fiber), 5)
  })
)
