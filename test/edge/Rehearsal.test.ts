/** An edge's rehearsal: all of it happens, as far as it is of use, and it leaves its memory as it was. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Chunks } from "../../src/edge/journal/Chunks.ts"
import { rehearse } from "../../src/edge/Rehearsal.ts"

it.live("every packet of it reaches its relay, and what it took of the edge's memory is there again", () =>
  Effect.gen(function* () {
    const memory = new Chunks()
    assert.isAbove(yield* rehearse(Effect.succeed(false), memory), 4000)
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
