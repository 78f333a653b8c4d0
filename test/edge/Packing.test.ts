/** When records are packed: where that is quicker than to send them as they are, which is found out again and again. */
import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Packing } from "../../src/edge/forwarding/Packing.ts"
import { Chunks } from "../../src/edge/journal/Chunks.ts"

const size = 4096

const packed = (packing: Packing, bytes: Buffer) =>
  Effect.map(packing.pack(bytes, 0, bytes.length, 1), (record) => {
    record?.loan.over()
    return record?.bytes.length
  })

const worthCount = (packing: Packing, count: number, isLimited: boolean) =>
  Array.from({ length: count }, () => packing.isWorth(size, isLimited)).filter(Boolean).length

describe("what an edge packs by itself", () => {
  it.live("is what shrinks, where bytes are dear; of what does not, one in 64, until that shrinks", () =>
    Effect.gen(function* () {
      const packing = new Packing("auto", new Chunks())
      assert.isTrue(packing.isWorth(size, true), "nothing is known yet")
      assert.isUndefined(yield* packed(packing, randomBytes(size)))
      assert.strictEqual(worthCount(packing, 256, true), 4)
      assert.isBelow((yield* packed(packing, Buffer.alloc(size))) ?? size, size / 2)
      assert.strictEqual(worthCount(packing, 256, true), 256)
    })
  )

  it.live("is nothing where the link takes all at once, and everything where it is slow", () =>
    Effect.gen(function* () {
      const packing = new Packing("auto", new Chunks())
      yield* packed(packing, Buffer.alloc(size))
      packing.sent(2 ** 30, 1)
      assert.strictEqual(worthCount(packing, 256, false), 0)
      for (let round = 0; round < 100; round++) packing.sent(64 * 1024, 600_000)
      assert.strictEqual(worthCount(packing, 256, false), 256)
      assert.isFalse(packing.isWorth(100, true), "too little")
    })
  )
})
