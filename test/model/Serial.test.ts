/** Numbers that are given once, and do not say how many were given before. */
import { assert, it } from "@effect/vitest"
import { hiddenMin, keyCount, Serial } from "../../src/model/Serial.ts"

const keys = (seed: number) => Array.from({ length: keyCount }, (_, index) => (seed * (index + 1) * 0x9e3779b9) >>> 0)

it("are counted from 1 where nothing is hidden", () => {
  const serial = new Serial(
    () => false,
    () => assert.fail("needs no keys")
  )
  assert.deepStrictEqual([serial.next(), serial.next(), serial.next()], [1, 2, 3])
})

it("are never given twice, hidden or not, in whatever turns", () => {
  let isHidden = false
  const serial = new Serial(
    () => isHidden,
    () => keys(7)
  )
  const given = new Set<number>()
  let wrongCount = 0
  for (let count = 0; count < 200_000; count++) {
    isHidden = Math.floor(count / 1000) % 3 !== 0
    const number = serial.next()
    if (number >= hiddenMin !== isHidden || number >= 2 * hiddenMin) wrongCount++
    given.add(number)
  }
  assert.strictEqual(wrongCount, 0)
  assert.strictEqual(given.size, 200_000)
})

it("do not say what comes next, nor how many came between", () => {
  const hidden = (seed: number) => {
    const serial = new Serial(
      () => true,
      () => keys(seed)
    )
    return Array.from({ length: 20_000 }, () => serial.next() - hiddenMin)
  }
  const [one, other] = [hidden(1), hidden(2)] as const
  assert.isAtMost(one.filter((number, index) => number === other[index]).length, 5)
  // All over the range, each step as good as any.
  const steps = new Set(one.map((number, index) => number - (one[index - 1] ?? 0)))
  assert.isAbove(steps.size, 19_900)
  const buckets = new Float64Array(16)
  for (const number of one) {
    const at = Math.floor((number * 16) / hiddenMin)
    buckets[at] = (buckets[at] as number) + 1
  }
  for (const count of buckets) assert.closeTo(count, 20_000 / 16, 200)
  const rising = one.filter((number, index) => number > (one[index - 1] ?? 0)).length
  assert.closeTo(rising, 10_000, 500)
})
