import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import * as Chains from "./chains.ts"
import { endure } from "./edges.ts"

/** `node test/endurance/edge.ts` has more. */
Peers.describeWithPeers(Peers.tracing, "an edge, its link and its relay, gone again and again", () => {
  it.live("lose nothing that was answered for", () =>
    Effect.gen(function* () {
      const options = { rounds: 2, events: 10_000, cuts: 4, onRound: () => undefined }
      const { answered, lost } = yield* endure(options)
      assert.isAbove(answered, 20)
      assert.deepStrictEqual(lost, [])
    })
  )

  it.live("lose nothing with another edge between", () =>
    Effect.gen(function* () {
      const { breaks, discarded, left, recorded } = yield* Chains.endure({
        events: 10_000,
        cuts: 3,
        kills: 1,
        restarts: 1
      })
      assert.deepStrictEqual(
        { breaks, discarded, left, recorded },
        { breaks: [], discarded: [], left: [], recorded: 10_000 }
      )
    })
  )
})
