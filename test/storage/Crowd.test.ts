/**
 * Thousands wait for the same place, and what each of them does with it is done at once, as on a disk that is quick
 * again: each hands it on, and none of them within the call of the one before.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { DeviceGate } from "../../src/storage/DeviceGate.ts"
import { FilePool } from "../../src/storage/FilePool.ts"

const crowdCount = 20_000
/** The capacity that a pool has at least. */
const capacity = 8

const crowd = (one: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.forEach(Array.from({ length: crowdCount }), () => one, { concurrency: "unbounded", discard: true })

describe("a crowd of fibers", () => {
  it.live("take their turns at a device", () =>
    Effect.gen(function* () {
      const gate = new DeviceGate(1)
      const first = Deferred.makeUnsafe<void>()
      yield* Effect.forkChild(gate.run(1, Deferred.await(first)), { startImmediately: true })
      let doneCount = 0
      const free = Effect.suspend(() => {
        assert.strictEqual(gate.waitingCount(1), crowdCount)
        return Deferred.succeed(first, undefined)
      })
      const one = gate.run(
        1,
        Effect.sync(() => void doneCount++)
      )
      yield* Effect.all([crowd(one), free], { concurrency: "unbounded", discard: true })
      assert.strictEqual(doneCount, crowdCount)
      assert.strictEqual(gate.waitingCount(1), 0)
    })
  )

  it.live("hand on a descriptor", () =>
    Effect.gen(function* () {
      const pool = new FilePool(capacity, new DeviceGate(1))
      for (let count = 0; count < capacity; count++) yield* pool.admit
      let doneCount = 0
      const one = Effect.map(pool.admit, () => {
        doneCount++
        pool.left()
      })
      yield* Effect.all([crowd(one), Effect.sync(() => pool.left())], { concurrency: "unbounded", discard: true })
      assert.strictEqual(doneCount, crowdCount)
      assert.strictEqual(pool.openCount, capacity - 1)
    })
  )
})
