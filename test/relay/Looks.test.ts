/** Looks at files take turns, and so do journals; a disk that hangs keeps nobody else waiting. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Looks } from "../../src/relay/journal/Looks.ts"
import { Turns } from "../../src/relay/journal/Turns.ts"
import { turns } from "../support/turns.ts"

it.effect("a look begins when the one before is over, or takes so long that its disk hangs", () =>
  Effect.gen(function* () {
    const begun: Array<string> = []
    const context = yield* Effect.context<never>()
    const background = (work: Effect.Effect<void>) => void Effect.runForkWith(context)(work)
    const looks = new Looks()
    const look = (name: string, until: Effect.Effect<void>) =>
      Effect.forkChild(
        looks.inTurn(
          background,
          Effect.andThen(
            Effect.sync(() => begun.push(name)),
            until
          )
        ),
        { startImmediately: true }
      )
    const first = Deferred.makeUnsafe<void>()
    const fibers = [yield* look("first", Deferred.await(first)), yield* look("hangs", Effect.never)]
    fibers.push(yield* look("last", Effect.void))
    yield* turns(3)
    assert.deepStrictEqual(begun, ["first"])
    yield* Deferred.succeed(first, undefined)
    yield* turns(3)
    assert.deepStrictEqual(begun, ["first", "hangs"])
    yield* TestClock.adjust("1 minute")
    yield* Effect.forEach(fibers, Fiber.join)
    assert.deepStrictEqual(begun, ["first", "hangs", "last"])
  })
)

it.effect("a journal's turn is waited for by what is about the same one only, and nothing is left of it", () =>
  Effect.gen(function* () {
    const done: Array<string> = []
    const journals = new Turns()
    const inTurn = (token: string, name: string, until: Effect.Effect<void>) =>
      Effect.forkChild(
        journals.of(
          token,
          Effect.map(until, () => void done.push(name))
        ),
        { startImmediately: true }
      )
    const over = Deferred.makeUnsafe<void>()
    yield* inTurn("a", "a, first", Deferred.await(over))
    const waiting = yield* inTurn("a", "a, given up", Effect.void)
    const last = yield* inTurn("a", "a, last", Effect.void)
    yield* inTurn("b", "b", Effect.void)
    yield* turns(3)
    assert.deepStrictEqual(done, ["b"])
    yield* Fiber.interrupt(waiting)
    yield* Deferred.succeed(over, undefined)
    yield* Fiber.join(last)
    assert.deepStrictEqual(done, ["b", "a, first", "a, last"])
    assert.strictEqual(journals.count, 0)
  })
)
