/** Answer times as counts: quantiles that are never too short, and at most a sixteenth of a doubling too long. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { AnswerTimes } from "../../src/target/AnswerTimes.ts"

const Millis = Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: 0.001, maximum: 600_000 }))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(200)
)
const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 1 }))

describe("answer times", () => {
  it("has no quantile before there is an answer", () => {
    assert.isUndefined(new AnswerTimes().quantile(0.5))
  })

  it.prop("says in how many milliseconds a share of the answers came", { millis: Millis, share: Share }, (given) => {
    const times = new AnswerTimes()
    for (const each of given.millis) times.add(each)
    const sorted = [...given.millis].sort((left, right) => left - right)
    const exact = sorted[Math.max(0, Math.ceil(given.share * sorted.length - 1e-9) - 1)] ?? 0
    const found = times.quantile(given.share) ?? 0
    assert.isAtLeast(found, exact * (1 - 1e-9))
    assert.isAtMost(found, exact * 2 ** (1 / 16) * (1 + 1e-9))
  })
})
