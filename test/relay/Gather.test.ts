/** When gathered bytes are written: one write that takes time between two looks at the sockets, and no more. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Gather } from "../../src/relay/stream/Gather.ts"

/** Three streams have bytes, of these connections: in which turn each was written, and whether it had company. */
const played = (owners: readonly [object, object, object], tookTime: boolean) =>
  Effect.callback<ReadonlyArray<{ readonly turn: number; readonly hasCompany: boolean }>>((resume) => {
    let turn = 0
    const writes: Array<{ readonly turn: number; readonly hasCompany: boolean }> = []
    const next = () => {
      turn++
      if (writes.length < owners.length) setImmediate(next)
      else resume(Effect.succeed(writes))
    }
    setImmediate(next)
    const gather = new Gather(() => false)
    for (const owner of owners) {
      gather.addBulk((hasCompany) => {
        writes.push({ turn, hasCompany })
        return tookTime
      }, owner)
    }
  })

const turnCountOf = (writes: ReadonlyArray<{ readonly turn: number }>) => new Set(writes.map(({ turn }) => turn)).size
const [one, other] = [{}, {}]

describe("bytes of several streams", () => {
  it.live("are written one stream a turn where that takes the loop's time, else all at once", () =>
    Effect.gen(function* () {
      assert.strictEqual(turnCountOf(yield* played([one, one, other], true)), 3)
      assert.strictEqual(turnCountOf(yield* played([one, one, other], false)), 1)
    })
  )

  it.live("have company if they came over different connections", () =>
    Effect.gen(function* () {
      const companyOf = (writes: ReadonlyArray<{ readonly hasCompany: boolean }>) =>
        writes.map((each) => each.hasCompany)
      assert.deepStrictEqual(companyOf(yield* played([one, other, one], false)), [true, true, true])
      assert.deepStrictEqual(companyOf(yield* played([one, one, one], false)), [false, false, false])
    })
  )
})
