/**
 * The same tracer and the same viewers at the installed lttng-relayd and at ours: every answer must be equal, at both
 * minors that viewers of its time say. Deliberate differences are scenarios with a reason and a table of their own.
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

Peers.describeConcurrently(Peers.reference, "viewers as with lttng-relayd 2.13.9", () => {
  for (const minor of [4, 10]) {
    for (const scenario of shared) {
      it.live(`${scenario.name} (viewer 2.${minor})`, () =>
        Effect.gen(function* () {
          const [ours, reference] = yield* Effect.all(
            [Relays.underTest, "reference" as const].map((kind) => Scenario.run(kind, scenario, minor)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(
            ours === undefined ? ours : Scenario.comparable(ours),
            reference === undefined ? reference : Scenario.comparable(reference)
          )
        })
      )
    }
  }
})

describe.skipIf(Relays.underTest === "reference")("viewers unlike with lttng-relayd 2.13.9", () => {
  for (const scenario of wanted) {
    it.live(`${scenario.name} (${scenario.oursOnly?.reason})`, () =>
      Effect.gen(function* () {
        const run = yield* Scenario.run("ours", scenario, 15)
        assert.deepStrictEqual(Scenario.viewerLines(run), scenario.oursOnly?.transcript)
        assert.strictEqual(run.exit, "status 0")
      })
    )
  }
})
