/**
 * Generated requests that no viewer sends, at the installed lttng-relayd and at ours: equal answers, and nobody harmed.
 * `SEED=n` runs that one, `SEED=n-m` a range.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"
import * as Odd from "./odd.ts"
import * as Scenario from "./scenario.ts"

const [from = 1, to = from] = (process.env.SEED ?? "1-12").split("-").map(Number)

Peers.describeWithPeers(Peers.reference, "odd requests, as lttng-relayd 2.13.9", () => {
  for (let seed = from; seed <= to; seed++) {
    it.live(`seed ${seed}`, () =>
      Effect.gen(function* () {
        const [ours, reference] = yield* Effect.all(
          [Scenario.run(Relays.underTest, Odd.fromSeed(seed), 13), Scenario.run("reference", Odd.fromSeed(seed), 13)],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(Odd.comparable(ours), Odd.comparable(reference))
        // The other aborts in the end where it takes a viewer that is gone for attached.
        assert.strictEqual(ours.exit, "status 0")
      })
    )
  }
})
