/**
 * Generated interleavings at the installed lttng-relayd and at ours: equal replies, equal files.
 * `SEED=n` runs that one, `SEED=n-m` a range; a failure's name has its seed, its transcript every step.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Peers from "../support/peers.ts"
import * as Odd from "./odd.ts"
import * as Random from "./random.ts"
import * as Scenario from "./scenario.ts"
import * as Shared from "./shared.ts"

const [from = 1, to = from] = (process.env.SEED ?? "1-24").split("-").map(Number)
/** The gate's own seeds, of which also orders agree that no session daemon makes. */
const isFew = process.env.SEED === undefined
const seeds = Array.from({ length: to - from + 1 }, (_, offset) => from + offset)

Peers.describeConcurrently(Peers.reference, "generated, as lttng-relayd 2.13.9", () => {
  for (const seed of seeds) {
    it.live(`seed ${seed}`, () =>
      Effect.gen(function* () {
        const scenario = Random.fromSeed(seed)
        const { onDisk, inMemory, reference } = yield* Scenario.runAll(scenario)
        assert.deepStrictEqual(onDisk, reference)
        assert.deepStrictEqual(inMemory, reference)
        assert.deepStrictEqual(Scenario.stuck(reference), [])
        assert.strictEqual(reference.exit, "status 0")
      })
    )
  }
  for (const seed of seeds.filter((seed) => seed % 3 === 1 || seeds.length === 1)) {
    it.live(`shared trace chunks, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { onDisk, inMemory, reference } = yield* Scenario.runAll(Shared.fromSeed(seed, !isFew))
        assert.deepStrictEqual([onDisk.exit, inMemory.exit], ["status 0", "status 0"])
        if (isFew) assert.deepStrictEqual(inMemory, onDisk)
        else Shared.assertAsUntilRefusal(inMemory, onDisk)
        // The other crashes in some of them.
        if (reference.exit !== "status 0" || Shared.isGivenUp(reference)) return
        if (isFew) {
          Shared.assertAs(reference, onDisk)
          assert.deepStrictEqual(onDisk.tree, reference.tree)
        } else Shared.assertAsUntilRefusal(reference, onDisk)
      })
    )
  }
  for (const seed of seeds.filter((seed) => seed % 3 === 0 || seeds.length === 1)) {
    it.live(`odd commands, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { onDisk, inMemory, reference } = yield* Scenario.runAll(Odd.fromSeed(seed))
        const said = ({ transcript, tree }: Scenario.Run) => ({ transcript, tree })
        assert.deepStrictEqual(said(onDisk), said(reference))
        assert.deepStrictEqual(said(inMemory), said(reference))
        assert.deepStrictEqual(Scenario.stuck(reference), [])
        // The other aborts where an index waits for its packet.
        assert.strictEqual(onDisk.exit, "status 0")
      })
    )
  }
})
