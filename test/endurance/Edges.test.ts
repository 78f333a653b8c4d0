import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import { endure } from "./edges.ts"

/** `node test/endurance/edge.ts` has more. */
Peers.describeWithPeers(Peers.tracing, "an edge, its link and its relay, gone again and again", () => {
  it.live(
    "lose nothing that was answered for",
    () =>
      Effect.gen(function* () {
        const options = { rounds: 2, events: 10_000, cuts: 4, onRound: () => undefined }
        const { answered, lost } = yield* endure(options)
        assert.isAbove(answered, 20)
        assert.deepStrictEqual(lost, [])
      }),
    120_000
  )
})
