import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { outage, sessionPackets } from "./outages.ts"

/** `node test/endurance/outage.ts` has more. */
describe("a spool that a long outage has filled", () => {
  it.live("costs the edge little memory, and the next one little time", () =>
    Effect.gen(function* () {
      const { mebibytes, packets, recorded } = yield* outage({ megabytes: 200, packetBytes: 32_768, isForwarded: true })
      assert.strictEqual(recorded, packets + sessionPackets)
      for (const [when, peak] of Object.entries(mebibytes)) assert.isBelow(peak, 128, when)
    })
  )
})
