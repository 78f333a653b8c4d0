/** How far behind an edge is in time: since when the oldest record is here that the relay does not have. */
import { assert, it } from "@effect/vitest"
import { Ages } from "../../src/edge/forwarding/Ages.ts"

it("each look is remembered, until nobody asks for what it saw", () => {
  const ages = new Ages()
  for (const [last, millis] of [
    [10, 1000],
    [10, 1500],
    [20, 2000],
    [30, 3000]
  ] as const)
    ages.look(last, 0, millis)
  const since = (number: number) => ages.beyond(number, 5000)
  assert.deepStrictEqual([0, 9, 10, 29, 30].map(since), [4000, 4000, 3000, 2000, 0])
  ages.look(30, 20, 4000)
  assert.deepStrictEqual([0, 20, 30].map(since), [2000, 2000, 0])
})

it("of a link that is gone for days ages are wrong by a five-hundredth of the oldest", () => {
  const ages = new Ages()
  const lookCount = 100_000
  for (let look = 1; look <= lookCount; look++) ages.look(look, 0, look * 1000)
  assert.isBelow(ages.size, 4096)
  const oldestMillis = (lookCount - 1) * 1000
  for (const share of [0, 0.1, 0.5, 0.9, 0.999]) {
    const number = Math.round(lookCount * share)
    const exact = (lookCount - number - 1) * 1000
    assert.approximately(ages.beyond(number, lookCount * 1000), exact, oldestMillis / 500)
  }
})
