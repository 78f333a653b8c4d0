/** When the event loop is kept awake, and that it is let go again. The effect on time is the benchmark's. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Vigil } from "../../src/relay/Vigil.ts"

const isAwake = () => process.getActiveResourcesInfo().includes("Immediate")

const asleep = Effect.gen(function* () {
  while (isAwake()) yield* Effect.sleep("1 millis")
})

describe("a vigil", () => {
  it.live("keeps the loop from sleeping after an answer, and lets it go", () =>
    Effect.gen(function* () {
      yield* asleep
      const vigil = new Vigil(() => false)
      vigil.keep(performance.now())
      assert.isTrue(isAwake())
      yield* asleep
    })
  )

  it.live("is not kept while processors are short", () =>
    Effect.gen(function* () {
      yield* asleep
      let isShort = true
      const vigil = new Vigil(() => isShort)
      vigil.keep(performance.now())
      assert.isFalse(isAwake())
      isShort = false
      vigil.keep(performance.now())
      assert.isTrue(isAwake())
      yield* asleep
    })
  )
})
