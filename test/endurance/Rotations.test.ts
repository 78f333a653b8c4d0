import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Relays from "../support/relays.ts"
import { rotations } from "./rotations.ts"

/** `node test/endurance/rotation.ts` has more. */
describe("a session by an edge that rotates again and again, at a relay that is restarted", () => {
  it.live("leaves little of it there, and the directory of one without an edge", () =>
    Effect.gen(function* () {
      const { complaints, expected, historyBytesMax, tree } = yield* rotations({ rotationCount: 300, restartEvery: 50 })
      assert.deepStrictEqual(complaints, [])
      assert.deepStrictEqual(tree, expected)
      assert.isBelow(historyBytesMax, 16 * 1024)
    })
  )

  it.live("leaves the same on a disk, where it is killed too", () =>
    Effect.gen(function* () {
      const directory = join(yield* Relays.temporaryDirectory("rotations"), "traces")
      const { complaints, expected, tree } = yield* rotations({ rotationCount: 100, restartEvery: 25, directory })
      assert.deepStrictEqual(complaints, [])
      assert.deepStrictEqual(tree, expected)
    })
  )
})
