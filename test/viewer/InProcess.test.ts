/** A viewer inside the relay's process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"

describe("a viewer inside the process", () => {
  it.effect("is told at once that the relay has ended, whenever it comes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { relay } = yield* Scope.provide(TestRelay.make(), scope)
      const viewer = yield* LiveViewer.over(yield* relay.openLive)
      assert.deepStrictEqual(yield* viewer.sessions, [])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Effect.flip(viewer.sessions))._tag, "LinkLost")
      // The test's clock stands still: nothing that waits for a time to pass would end.
      const refused = yield* Effect.flip(Effect.flatMap(relay.openLive, LiveViewer.over))
      assert.strictEqual(refused._tag, "NotLivePort")
    })
  )
})
