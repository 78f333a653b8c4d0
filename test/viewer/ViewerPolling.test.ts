/** How often a viewer asks, in requests and milliseconds of an imagined clock. */
import { assert, describe, it } from "@effect/vitest"
import * as ViewerPolling from "../../src/viewer/ViewerPolling.ts"

/** Requests sent within `millis` to streams that have nothing to tell. */
const quietRequests = (polling: ViewerPolling.Polling, streamCount: number, millis: number): number => {
  const states = Array.from({ length: streamCount }, () => ({ polledMillis: 0 }))
  let requests = 0
  for (let now = 0; now < millis; now += ViewerPolling.onQuiet(polling, false)) {
    const asked = ViewerPolling.turn(polling, states, false)
    for (const state of asked) state.polledMillis = now + 1
    requests += asked.length
  }
  return requests
}

describe("polling", () => {
  it("doubles from a tenth of the live period to half of it while a packet waits", () => {
    const polling = ViewerPolling.make(1000)
    const delays = Array.from({ length: 5 }, () => ViewerPolling.onQuiet(polling, true))
    assert.deepStrictEqual(delays, [100, 200, 400, 500, 500])
  })

  it("is never rarer than once a second while a packet waits, however long the period", () => {
    const polling = ViewerPolling.make(60_000)
    const delays = Array.from({ length: 6 }, () => ViewerPolling.onQuiet(polling, true))
    assert.deepStrictEqual(delays, [100, 200, 400, 800, 1000, 1000])
  })

  it("an idle session of up to a dozen streams is asked three times per period", () => {
    for (const streamCount of [3, 4, 12]) {
      const polling = ViewerPolling.make(1000)
      quietRequests(polling, streamCount, 3000)
      assert.strictEqual(quietRequests(polling, streamCount, 10_000), 30, `${streamCount} streams`)
    }
  })

  it("all streams of a large idle session have had their turn after four periods", () => {
    const polling = ViewerPolling.make(1000)
    quietRequests(polling, 1, 3000)
    const states = Array.from({ length: 64 }, () => ({ polledMillis: 0 }))
    for (let round = 1; round <= 4; round++) {
      for (const state of ViewerPolling.turn(polling, states, false)) state.polledMillis = round
    }
    assert.isTrue(states.every(({ polledMillis }) => polledMillis > 0))
  })

  it("a packet ends the idleness", () => {
    const polling = ViewerPolling.make(1000)
    quietRequests(polling, 1, 5000)
    assert.isTrue(ViewerPolling.isIdle(polling))
    ViewerPolling.onPacket(polling)
    assert.isFalse(ViewerPolling.isIdle(polling))
    assert.strictEqual(ViewerPolling.onQuiet(polling, false), 100)
  })

  it("where news are to be seen soon, a session without streams is asked ten times per period, within bounds", () => {
    const millis = (isPrompt: boolean) =>
      [10, 300, 1000, 10_000].map((period) => ViewerPolling.emptyMillis(period, isPrompt))
    assert.deepStrictEqual(millis(true), [10, 30, 100, 100])
    assert.deepStrictEqual(millis(false), [5, 150, 500, 1000])
  })

  it("a live timer of a millisecond does not become a busy loop", () => {
    const polling = ViewerPolling.make(1)
    assert.isAtMost(quietRequests(polling, 1, 10_000), 110)
  })
})
