import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Disk from "../support/disk.ts"
import * as Powers from "./powers.ts"

const reason = Disk.missing()
const options = { sync: "always", afterMillis: 300, seed: 1 }

/** `node test/endurance/power.ts` has more. */
describe.skipIf(reason !== undefined)(`the power of a disk fails${reason === undefined ? "" : ` (${reason})`}`, () => {
  it.live("under the spool of an edge that syncs: all that tracers were answered for is there", () =>
    Effect.gen(function* () {
      const { answeredCount, wrong } = yield* Powers.edgeRound(options, true)
      assert.isAbove(answeredCount, 0)
      assert.deepStrictEqual(wrong, [])
    })
  )

  it.live("under the output of a relay that syncs, and whose edge goes on: all is there in the end", () =>
    Effect.gen(function* () {
      const { answeredCount, wrong } = yield* Powers.resumedRound({ ...options, sync: "close" })
      assert.isAbove(answeredCount, 0)
      assert.deepStrictEqual(wrong, [])
    })
  )
})
