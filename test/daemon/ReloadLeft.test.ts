/** A reload of which nobody waits for the end. */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import * as Resolve from "../../src/config/Resolve.ts"
import * as Reload from "../../src/daemon/Reload.ts"
import { logged } from "../support/logged.ts"
import * as Relays from "../support/relays.ts"

it.live("is carried out to its end, though who asked for it over the operator's port is gone", () => {
  const { layer, lines } = logged()
  return Effect.gen(function* () {
    const directory = yield* Relays.temporaryDirectory("reload")
    const args = [`--output=${directory}`]
    const resolved = yield* Effect.promise(() => Resolve.resolve(Resolve.system(directory, args)))
    if (resolved._tag !== "Run") return assert.fail(JSON.stringify(resolved))
    const [begun, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    let isWhole = false
    const reload = Reload.make({
      directory,
      args,
      options: () => resolved.options,
      apply: () =>
        Effect.gen(function* () {
          yield* Deferred.succeed(begun, undefined)
          yield* Deferred.await(gate)
          isWhole = true
        })
    })
    const asked = yield* Effect.forkChild(reload)
    yield* Deferred.await(begun)
    const leaving = yield* Effect.forkChild(Fiber.interrupt(asked), { startImmediately: true })
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.join(leaving)
    assert.isTrue(isWhole)
    assert.deepStrictEqual(lines, ["configuration read again; changed: nothing"])
  }).pipe(Effect.scoped, Effect.provide(layer))
})
