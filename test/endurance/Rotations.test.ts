import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { rotations } from "./rotations.ts"

/** `node test/endurance/rotation.ts` has more. */
describe("a session by an edge that rotates again and again, at a relay that is restarted", () => {
  it.live("leaves little of it there, and the directory of one without an edge", () =>
    Effect.gen(function* () {
      const { expected, historyBytesMax, tree } = yield* rotations({ rotationCount: 300, restartEvery: 50 })
      assert.deepStrictEqual(tree, expected)
      assert.isBelow(historyBytesMax, 16 * 1024)
    })
  )
})
