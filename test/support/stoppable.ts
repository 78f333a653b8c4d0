/** A relay in this process that is stopped before its test ends, and the next one over its files. */
import { Effect, Exit, Scope } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"

export const make = (options?: TestRelay.Options) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const relay = yield* Scope.provide(TestRelay.make(options), scope)
    const stop = Scope.close(scope, Exit.void)
    /** The next one, once this one is stopped. */
    const restart = (more: TestRelay.Options = {}) =>
      Effect.andThen(stop, TestRelay.make({ ...more, memory: relay.memory }))
    return { relay, restart, stop }
  })
