import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import { comeAndGo } from "./comers.ts"

/** `node test/endurance/comer.ts` has more. */
Peers.describeWithPeers(Peers.tracing, "applications that come and go before an edge, clears and snapshots", () => {
  it.live("leave what they leave at a relay that nothing happens to", () =>
    Effect.gen(function* () {
      const { faultCount, wrong } = yield* comeAndGo({ applications: 6, events: 300, clears: 4 })
      assert.deepStrictEqual(wrong, [])
      assert.isAbove(faultCount, 2)
    })
  )
})
