/** A place that comes free while a fiber has yielded, just before it would wait for one, is taken by that fiber. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { DeviceGate } from "../../src/storage/DeviceGate.ts"
import { FilePool } from "../../src/storage/FilePool.ts"
import { operationCounts, yielding } from "../support/yielding.ts"

/** The capacity that a pool has at least. */
const capacity = 8

/** Runs `wanted`, calling `free` at its `at`th yield, or afterwards if it does not yield so often. Whether it came. */
const cameBy = (wanted: Effect.Effect<void>, free: () => void, operationCount: number, at: number) =>
  Effect.gen(function* () {
    let yieldCount = 0
    const between = () => {
      if (++yieldCount === at) free()
    }
    const fiber = yield* Effect.forkChild(yielding(wanted, operationCount, between))
    for (let turn = 0; turn < 1000 && fiber.pollUnsafe() === undefined; turn++) {
      if (turn === 500 && yieldCount < at) free()
      yield* Effect.yieldNow
    }
    const hasCome = fiber.pollUnsafe() !== undefined
    yield* Fiber.interrupt(fiber).pipe(Effect.forkDetach)
    return hasCome
  })

const missedOf = (tried: (operationCount: number, at: number) => Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const missed: Array<string> = []
    for (const operationCount of operationCounts) {
      for (let at = 1; at <= 4; at++) {
        if (!(yield* tried(operationCount, at))) missed.push(`yield ${at} after ${operationCount} operations`)
      }
    }
    return missed
  })

describe("a fiber that yields", () => {
  it.live("gets its turn at a device", () =>
    Effect.gen(function* () {
      const missed = yield* missedOf((operationCount, at) =>
        Effect.gen(function* () {
          const gate = new DeviceGate(1)
          const first = Deferred.makeUnsafe<void>()
          yield* Effect.forkChild(gate.run(1, Deferred.await(first)), { startImmediately: true })
          const free = () => Deferred.doneUnsafe(first, Effect.void)
          return yield* cameBy(gate.run(1, Effect.void), free, operationCount, at)
        })
      )
      assert.deepStrictEqual(missed, [])
    })
  )

  it.live("gets a descriptor", () =>
    Effect.gen(function* () {
      const missed = yield* missedOf((operationCount, at) =>
        Effect.gen(function* () {
          const pool = new FilePool(capacity, new DeviceGate(1))
          for (let count = 0; count < capacity; count++) yield* pool.admit
          return yield* cameBy(pool.admit, () => pool.left(), operationCount, at)
        })
      )
      assert.deepStrictEqual(missed, [])
    })
  )
})
