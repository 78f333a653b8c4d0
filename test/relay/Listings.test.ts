/** Viewers that ask for the sessions at once share one answer, which is not older than the last session. */
import { assert, describe, it } from "@effect/vitest"
import { Listings } from "../../src/relay/viewer/Listings.ts"

const listingsOf = () => {
  const listings = new Listings()
  let madeCount = 0
  const ask = (minor = 15) => listings.of(minor, () => Buffer.from(`${++madeCount}`)).toString()
  return { listings, ask }
}

describe("the list of sessions", () => {
  it("is made once for all viewers of a minor that ask in one turn", async () => {
    const { ask } = listingsOf()
    assert.deepStrictEqual([ask(), ask(), ask(4), ask(), ask(4)], ["1", "1", "2", "1", "2"])
    await new Promise<void>((resolve) => void setImmediate(resolve))
    assert.deepStrictEqual([ask(), ask()], ["3", "3"])
  })

  it("is made anew when a session has begun or ended", () => {
    const { ask, listings } = listingsOf()
    assert.strictEqual(ask(), "1")
    listings.forget()
    assert.deepStrictEqual([ask(), ask()], ["2", "2"])
  })
})
