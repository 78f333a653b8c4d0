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
      vigil.keep(performance.now(), 1)
      vigil.keep(performance.now(), 1)
      assert.deepStrictEqual(
        process.getActiveResourcesInfo().filter((name) => name === "Immediate"),
        ["Immediate"]
      )
      yield* asleep
    })
  )

  it.live("is for one connection when that alone has had a row of quick answers, until it is over", () =>
    Effect.gen(function* () {
      const vigil = new Vigil(() => false)
      const answers = (connection: number, count: number) => {
        for (let at = 0; at < count; at++) vigil.keep(performance.now(), connection)
        return vigil.isForOne
      }
      assert.deepStrictEqual([answers(1, 16), answers(1, 1)], [false, true])
      assert.deepStrictEqual([answers(2, 1), answers(1, 1)], [false, false])
      assert.isTrue(answers(1, 16))
      yield* asleep
      assert.isFalse(vigil.isForOne)
    })
  )

  it.live("is not kept while processors are short", () =>
    Effect.gen(function* () {
      yield* asleep
      let isShort = true
      const vigil = new Vigil(() => isShort)
      vigil.keep(performance.now(), 1)
      assert.isFalse(isAwake())
      isShort = false
      vigil.keep(performance.now(), 1)
      assert.isTrue(isAwake())
      yield* asleep
    })
  )
})
