/** Texts of metrics are made by fibers of their own, which end with what serves them. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import * as Scrapes from "../../src/telemetry/Scrapes.ts"
import type { Service } from "../../src/telemetry/Telemetry.ts"

it.effect("a text goes on for others when who asked first is gone, and ends with the scope", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const begun = yield* Deferred.make<void>()
    let isEnded = false
    const samples: Service["samples"] = () =>
      Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            isEnded = true
          })
        )
      )
    const asked = { samples, process: Effect.never, state: Effect.never, devices: Effect.never }
    const textIn = yield* Scope.provide(Scrapes.make(asked), scope)
    const first = yield* Effect.forkChild(textIn("prometheus"))
    yield* Deferred.await(begun)
    yield* Fiber.interrupt(first)
    assert.isFalse(isEnded)
    yield* Scope.close(scope, Exit.void)
    assert.isTrue(isEnded)
  })
)
