/** Where reads land: shared memory for who keeps nothing, slabs that stay as they are for who does. */
import { assert, describe, it } from "@effect/vitest"
import { Landing, Slabs, sharedBytes, slabBytes } from "../../src/memory/Landing.ts"
import type { Piece } from "../../src/memory/Piece.ts"

const holder = { released: () => {} }

/** One read of a receiver that wants to keep all of it. */
const keep = (landing: Landing, fill: number): Piece | undefined => {
  const { bytes } = landing
  bytes.fill(fill, 0, 1000)
  const held = landing.hold(bytes, 0, 1000, holder)
  landing.received()
  return held
}

/** A landing that has a slab. */
const lent = (slabs = new Slabs()) => {
  const landing = new Landing(slabs)
  keep(landing, 0)
  return { slabs, landing }
}

/** One read of which nothing is kept. */
const pass = (landing: Landing) => landing.received()

const contentOf = ({ bytes, from, to }: Piece) => [...new Set(bytes.subarray(from, to))]

describe("the landing of a connection", () => {
  it("is the memory of all while nobody keeps anything", () => {
    const slabs = new Slabs()
    const [one, two] = [new Landing(slabs), new Landing(slabs)]
    pass(one)
    assert.strictEqual(one.bytes, two.bytes)
    assert.strictEqual(one.bytes.length, sharedBytes)
    assert.strictEqual(slabs.usedCount, 0)
  })

  it("lets nothing be held in the shared memory, and a slab takes the next read", () => {
    const slabs = new Slabs()
    const landing = new Landing(slabs)
    assert.isUndefined(keep(landing, 1))
    assert.strictEqual(landing.bytes.length, slabBytes)
    assert.strictEqual(slabs.usedCount, 1)
  })

  it("leaves what is held as it is, whatever lands later", () => {
    const slabs = new Slabs()
    const [one, two] = [new Landing(slabs), new Landing(slabs)]
    for (const landing of [one, two]) keep(landing, 0)
    const held = [1, 2, 3, 4].map((fill) => keep(fill % 2 === 0 ? one : two, fill) as Piece)
    for (const landing of [one, two]) landing.bytes.fill(0xee)
    assert.deepStrictEqual(held.map(contentOf), [[1], [2], [3], [4]])
  })

  it("uses a slab again when its last part is released", () => {
    const { slabs, landing } = lent()
    const { bytes } = landing
    const [first, second] = [landing.hold(bytes, 0, 10, holder), landing.hold(bytes, 10, 20, holder)]
    landing.received()
    assert.strictEqual(slabs.usedCount, 2)
    first?.release()
    assert.strictEqual(slabs.usedCount, 2)
    second?.release()
    assert.strictEqual(slabs.usedCount, 1)
    keep(landing, 1)
    assert.strictEqual(landing.bytes, bytes)
  })

  it("is the shared memory again while all slabs are in use", () => {
    const { landing } = lent(new Slabs(2))
    const held = [keep(landing, 1), keep(landing, 2)]
    assert.strictEqual(landing.bytes.length, sharedBytes)
    assert.isUndefined(keep(landing, 3))
    assert.deepStrictEqual(
      held.map((piece) => contentOf(piece as Piece)),
      [[1], [2]]
    )
    held[0]?.release()
    keep(landing, 4)
    assert.strictEqual(landing.bytes.length, slabBytes)
  })

  it("keeps its slab over a few reads of which nothing is kept, not over many", () => {
    const { slabs, landing } = lent()
    const { bytes } = landing
    for (let read = 0; read < 7; read++) pass(landing)
    assert.strictEqual(landing.bytes, bytes)
    pass(landing)
    assert.strictEqual(landing.bytes.length, sharedBytes)
    assert.strictEqual(slabs.usedCount, 0)
  })

  it("leaves a slab in which something is held, also when the next read keeps nothing", () => {
    const { slabs, landing } = lent()
    const held = landing.hold(landing.bytes, 0, 10, holder)
    landing.received()
    const later = keep(landing, 1)
    pass(landing)
    held?.release()
    later?.release()
    landing.close()
    assert.strictEqual(slabs.usedCount, 0)
  })

  it("outlives its connection as long as something is held", () => {
    const { slabs, landing } = lent()
    const held = keep(landing, 7) as Piece
    landing.close()
    assert.strictEqual(slabs.usedCount, 1)
    assert.deepStrictEqual(contentOf(held), [7])
    held.release()
    assert.strictEqual(slabs.usedCount, 0)
  })

  it("a part released twice is a defect, not a corruption", () => {
    const { slabs, landing } = lent()
    const held = keep(landing, 1) as Piece
    held.release()
    assert.throws(() => held.release())
    landing.close()
    assert.strictEqual(slabs.usedCount, 0)
  })

  it("holds nothing of memory that is not its own", () => {
    const { landing } = lent()
    assert.isUndefined(landing.hold(Buffer.alloc(100), 0, 100, holder))
  })
})
