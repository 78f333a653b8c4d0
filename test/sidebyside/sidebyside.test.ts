/**
 * The same bytes to the installed lttng-relayd and to ours: every reply byte, the fate of every connection
 * and every file must be equal, whether our files lie on a disk or in memory. Known and wanted differences are
 * scenarios with a reason of their own.
 * `LTTNG_RELAY_KIND=reference` compares the reference with itself: a scenario that fails then has a race.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"
import * as Scenario from "./scenario.ts"
import { scenarios } from "./scenarios/index.ts"

const shared = scenarios.filter((scenario) => scenario.oursOnly === undefined)
const wanted = scenarios.filter((scenario) => scenario.oursOnly !== undefined)

Peers.describeWithPeers(Peers.reference, "as lttng-relayd 2.13.9", () => {
  for (const scenario of shared) {
    it.live(scenario.name, () =>
      Effect.gen(function* () {
        const { onDisk, inMemory, reference } = yield* Scenario.runAll(scenario)
        assert.deepStrictEqual(onDisk, reference)
        assert.deepStrictEqual(inMemory, reference)
        assert.deepStrictEqual(Scenario.stuck(reference), [])
      })
    )
  }
})

describe.skipIf(Relays.underTest === "reference")("unlike lttng-relayd 2.13.9", () => {
  for (const scenario of wanted) {
    it.live(`${scenario.name} (${scenario.oursOnly?.reason})`, () =>
      Effect.gen(function* () {
        const run = yield* Scenario.run("ours", scenario)
        const { transcript, tree } = scenario.oursOnly ?? {}
        if (transcript !== undefined) assert.deepStrictEqual(run.transcript, transcript)
        if (tree !== undefined) assert.deepStrictEqual(run.tree, tree)
        assert.deepStrictEqual(Scenario.stuck(run), [])
        assert.strictEqual(run.exit, "status 0")
      })
    )
  }
})
