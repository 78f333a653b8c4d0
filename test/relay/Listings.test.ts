/** Viewers that ask for the sessions at once share one answer, which is not older than the last session. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Listings } from "../../src/relay/viewer/Listings.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Sides from "../simulation/edge/Sides.ts"

const listingsOf = () => {
  const events = { changeCount: 0 }
  const listings = new Listings(events)
  let madeCount = 0
  const ask = (minor = 15) => listings.of(minor, () => Buffer.from(`${++madeCount}`)).toString()
  return { events, ask }
}

describe("the list of sessions", () => {
  it("is made once for all viewers of a minor that ask in one turn", async () => {
    const { ask } = listingsOf()
    assert.deepStrictEqual([ask(), ask(), ask(4), ask(), ask(4)], ["1", "1", "2", "1", "2"])
    await new Promise<void>((resolve) => void setImmediate(resolve))
    assert.deepStrictEqual([ask(), ask()], ["3", "3"])
  })

  it("is made anew when a session has begun or ended", () => {
    const { ask, events } = listingsOf()
    assert.strictEqual(ask(), "1")
    events.changeCount++
    assert.deepStrictEqual([ask(), ask()], ["2", "2"])
  })

  it.live("needs nobody to listen to the relay's events: packets and beacons would be told for it, too", () =>
    Effect.gen(function* () {
      const { registry } = yield* Sides.relay({ files: new MemoryFiles().service, sync: "none" })
      assert.isFalse(registry.events.hasSubscribers)
    })
  )
})
