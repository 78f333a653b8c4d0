/** Health as the protocol counts it, with a clock of the test's own. */
import { assert, describe, it } from "@effect/vitest"
import { components } from "../../src/config/Environment.ts"
import * as Health from "../../src/daemon/Health.ts"

const past = Health.stallMillis + 1

describe("health", () => {
  it("is good while every component waits, however long nothing happens", () => {
    let now = 0
    const health = Health.make(() => now, [])
    assert.strictEqual(health.query(), 0n)
    now += past
    assert.strictEqual(health.query(), 0n)
  })
  for (const [bit, component] of components.entries()) {
    it(`shows a stalled ${component} as bit ${bit}, at the second query that is late enough`, () => {
      let now = 0
      const health = Health.make(() => now, [component])
      assert.strictEqual(health.query(), 0n)
      now += Health.stallMillis
      assert.strictEqual(health.query(), 0n, "not yet late enough")
      now += 1
      assert.strictEqual(health.query(), 1n << BigInt(bit))
      assert.strictEqual(health.query(), 0n, "compared with the sample just taken")
    })
  }
  it("keeps the bit of a component that failed", () => {
    const health = Health.make(() => 0, [])
    health.fail("live-dispatcher")
    assert.deepStrictEqual([health.query(), health.query()], [8n, 8n])
  })
})
