/** Each value is in the bucket of the smallest power of two that it is not above: what `le` says of it. */
import { assert, it } from "@effect/vitest"
import { Histogram } from "../../src/memory/Histogram.ts"

const bucketOf = (value: number): number => {
  const histogram = new Histogram()
  histogram.add(value)
  return histogram.counts.indexOf(1)
}

it("counts a power of two with what is below it, and all else above", () => {
  for (let power = 1; power < 32; power++) {
    assert.deepStrictEqual([2 ** power - 0.5, 2 ** power, 2 ** power + 0.5].map(bucketOf), [power, power, power + 1])
  }
  assert.deepStrictEqual([-1, 0, 0.5, 1, 1.5].map(bucketOf), [0, 0, 0, 0, 1])
  assert.deepStrictEqual([2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 60, Infinity].map(bucketOf), [32, 32, 32, 32, 32])
})
