/** What a crowd took is given back once nobody records, and only then. */
import { getHeapStatistics } from "node:v8"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Garbage from "../../src/daemon/Garbage.ts"

const much = 200 * 1024 * 1024
const little = 20 * 1024 * 1024

it("is due once after sessions, when there was none for two looks, if there is much", () => {
  const rows: ReadonlyArray<readonly [sessionCount: number, heapBytes: number, isNow: boolean]> = [
    [0, much, false],
    [0, much, false],
    [3, much, false],
    [0, much, false],
    [1, much, false],
    [0, much, false],
    [0, little, false],
    [0, much, true],
    [0, much, false],
    [0, much, false],
    [1, much, false],
    [0, much, false],
    [0, much, true]
  ]
  const quiet = new Garbage.Quiet()
  for (const [at, [sessionCount, heapBytes, isNow]] of rows.entries()) {
    assert.strictEqual(quiet.look(sessionCount, heapBytes), isNow, `look ${at}`)
  }
})

it.live("is collected", () =>
  Effect.gen(function* () {
    const made = Array.from({ length: 500_000 }, (_, number) => ({ number }))
    const before = getHeapStatistics().used_heap_size
    made.length = 0
    yield* Garbage.collect
    assert.isBelow(getHeapStatistics().used_heap_size, before - 10_000_000)
  })
)
