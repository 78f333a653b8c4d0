/** An edge's rehearsal: all of it happens, as far as it is of use, and it leaves its memory as it was. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Chunks } from "../../src/edge/journal/Chunks.ts"
import { rehearse } from "../../src/edge/Rehearsal.ts"
import { Counts } from "../../src/errors/Report.ts"

it.live("every packet of it reaches its relay, and what it took of the edge's memory is there again", () =>
  Effect.gen(function* () {
    const memory = new Chunks()
    const counts = new Map()
    const whole = Effect.provideService(rehearse(Effect.succeed(false), memory), Counts, counts)
    assert.isAbove(yield* whole, 4000)
    assert.deepStrictEqual([...counts], [], "what ended within it is nobody's incident")
    assert.strictEqual(memory.unwrittenBytes, 0)
    assert.strictEqual(memory.usedBytes, 0)
  })
)

it.live("it ends when tracers need the processor, wherever it is", () =>
  Effect.gen(function* () {
    let looks = 0
    const isOver = Effect.sync(() => ++looks > 3)
    const part = yield* rehearse(isOver)
    assert.isAbove(part, 0)
    assert.isBelow(part, 500)
  })
)
