/** When records are packed: where that is quicker than to send them as they are, which is found out again and again. */
import { randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LinkRate } from "../../src/edge/forwarding/LinkRate.ts"
import { Packing } from "../../src/edge/forwarding/Packing.ts"
import { Chunks } from "../../src/edge/journal/Chunks.ts"
import * as Machine from "../../src/Machine.ts"

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
      const packing = new Packing("auto", new Chunks(), new LinkRate())
      assert.isTrue(packing.isWorth(size, true), "nothing is known yet")
      assert.isUndefined(yield* packed(packing, randomBytes(size)))
      assert.strictEqual(worthCount(packing, 256, true), 4)
      assert.isBelow((yield* packed(packing, Buffer.alloc(size))) ?? size, size / 2)
      assert.strictEqual(worthCount(packing, 256, true), 256)
    })
  )

  it.live("is nothing where the link takes all at once, and everything where it is slow", () =>
    Effect.gen(function* () {
      const link = new LinkRate()
      const packing = new Packing("auto", new Chunks(), link)
      yield* packed(packing, Buffer.alloc(size))
      link.sent(2 ** 30)
      assert.strictEqual(worthCount(packing, 256, false), 0)
      link.waited(Machine.clockMillis() - 6e9)
      assert.strictEqual(worthCount(packing, 256, false), 256)
      assert.isFalse(packing.isWorth(100, true), "too little")
    })
  )
})

describe("a link", () => {
  const [read, slowMillis] = [512 * 1024, 10]
  const at = (millis: number, act: () => void) => {
    const restore = Machine.replace({ ...Machine, clockMillis: () => millis })
    act()
    restore()
  }

  it("that several journals wait for at once is as quick as all of them together", () => {
    const link = new LinkRate()
    for (let millis = 0; millis < 1000; millis += slowMillis) {
      at(millis + slowMillis, () => {
        for (let journal = 0; journal < 8; journal++) {
          link.sent(read)
          link.waited(millis)
        }
        assert.isUndefined(link.slow)
      })
    }
    at(2000, () => {
      link.sent(read)
      link.waited(1000)
      assert.isDefined(link.slow)
    })
  })

  it("that pauses for a moment is not slow", () => {
    const link = new LinkRate()
    for (let count = 0; count < 64; count++) link.sent(read)
    at(1000, () => link.waited(1000 - 2 * slowMillis))
    at(1000, () => assert.isUndefined(link.slow))
  })

  it("that is slow is measured anew after 2 s, 4 s, 8 s, and so on, also where too little goes over it to tell", () => {
    const link = new LinkRate()
    const doubted: Array<number> = []
    for (let millis = 0; millis < 40_000; millis += 100) {
      at(millis, () => {
        // What is packed is not enough to tell; what is not is.
        const isPacked = link.slow !== undefined
        if (!isPacked) doubted.push(millis)
        link.sent(isPacked ? 1000 : read)
        if (!isPacked) link.waited(millis - 50)
      })
    }
    assert.deepStrictEqual(doubted, [0, 2100, 6200, 14_300, 30_400])
  })
})
