/** Answers without an end: a bounded number at once, and a place is free again when its listener is gone. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Result, type Scope, Stream } from "effect"
import * as Endless from "../../src/admin/Endless.ts"

const admission = (countMax: number) => {
  const closing = Deferred.makeUnsafe<void>()
  return Effect.map(Effect.provideService(Endless.bounded(countMax), Endless.Closing, closing), (admit) => ({
    admit,
    closing
  }))
}

/** All of an answer, by the request that asks for it. */
const heard = <E>(answer: Effect.Effect<Stream.Stream<unknown>, E, Scope.Scope>) =>
  Effect.scoped(Effect.flatMap(answer, Stream.runDrain))

/** Somebody who hears an answer that has begun, and has no end. */
const listening = (admit: Effect.Success<ReturnType<typeof admission>>["admit"]) =>
  Effect.gen(function* () {
    const begun = Deferred.makeUnsafe<void>()
    const endless = Stream.concat(Stream.fromEffect(Deferred.succeed(begun, undefined)), Stream.never)
    const listener = yield* Effect.forkChild(heard(admit(endless)))
    yield* Deferred.await(begun)
    return listener
  })

it.effect("one too many is refused until another is gone, whether that ended or its listener left", () =>
  Effect.gen(function* () {
    const { admit } = yield* admission(2)
    const [one, two] = [yield* listening(admit), yield* listening(admit)]
    assert.strictEqual((yield* Effect.flip(admit(Stream.never)))._tag, "TooManyListeners")
    yield* Fiber.interrupt(one)
    for (let count = 0; count < 3; count++) yield* heard(admit(Stream.empty))
    const three = yield* listening(admit)
    assert.strictEqual((yield* Effect.flip(admit(Stream.never)))._tag, "TooManyListeners")
    yield* Fiber.interruptAll([two, three])
  })
)

it.effect("of those that come together one too many is refused, before any answer has begun", () =>
  Effect.gen(function* () {
    const { admit } = yield* admission(2)
    const asked = Effect.result(admit(Stream.never))
    const found = yield* Effect.scoped(Effect.all([asked, asked, asked]))
    assert.deepStrictEqual(found.map(Result.isSuccess), [true, true, false])
    yield* heard(admit(Stream.empty))
  })
)

it.effect("all end when the port is about to close", () =>
  Effect.gen(function* () {
    const { admit, closing } = yield* admission(1)
    const one = yield* listening(admit)
    yield* Deferred.succeed(closing, undefined)
    yield* Fiber.join(one)
    yield* heard(admit(Stream.never))
  })
)
