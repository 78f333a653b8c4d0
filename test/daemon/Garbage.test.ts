/** What a crowd took is given back once nobody records, and only then; a large heap is looked through sooner. */
import { execFileSync } from "node:child_process"
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

/** What a heap of which some 20 MB live has at most, in bytes, while more garbage of a middle age is made. */
const mostOf = (begin: string): number => {
  const module = new URL("../../src/daemon/Garbage.ts", import.meta.url).href
  const program = `
    import { Effect } from "effect"
    import { becomeFrugal, collect } from ${JSON.stringify(module)}
    ${begin}
    const make = (number) => ({ number, text: [number] })
    const kept = Array.from({ length: 100_000 }, (_, number) => make(number))
    const ring = new Array(20_000)
    await Effect.runPromise(collect)
    let most = 0
    for (let number = 0; number < 3_000_000; number++) {
      ring[number % ring.length] = make(number)
      if (number % 20_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed)
    }
    console.log(kept.length > 0 && most)`
  const flags = ["--max-semi-space-size=4", "--input-type=module", "--eval"]
  return Number(execFileSync(process.execPath, [...flags, program], { encoding: "utf8" }))
}

it("is looked for sooner by a relay that has become frugal", () => {
  // 140 to 160 million without.
  assert.isBelow(mostOf("becomeFrugal()"), 115_000_000)
})
