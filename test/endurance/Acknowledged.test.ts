import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { round } from "./acknowledged.ts"

/** `node test/endurance/kill.ts 500` has more. */
const rounds = Array.from({ length: 10 }, (_, at) => at)

describe("a relay killed at any moment", () => {
  it.live.each(rounds)("has written what it acknowledged: round %i", (at) =>
    Effect.gen(function* () {
      const isInMemory = at % 2 === 1
      const { acknowledgedCount, lost } = yield* round({ kind: "ours", isInMemory, killedAfterMillis: at * at })
      assert.deepStrictEqual([...lost], [], `of ${acknowledgedCount}`)
    })
  )
})
