/** Packet memory: who may hold how much, who is stopped and who goes on, and that every block comes back once. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Account, type Block, blockBytes, connectionBytesMax, Pool } from "../../src/memory/Blocks.ts"
import { Charge } from "../../src/memory/Charge.ts"
import { Landing, Slabs, slabBytes } from "../../src/memory/Landing.ts"
import type { Piece } from "../../src/memory/Piece.ts"

const mebibyte = 1024 * 1024

/** A connection that reads whenever it may. */
class Reader {
  readonly account: Account
  readonly blocks: Array<Block> = []
  resumeCount = 0
  isPaused = false

  constructor(pool: Pool) {
    this.account = new Account(pool, () => {
      assert.isTrue(this.isPaused, "resumed although it was not paused")
      this.isPaused = false
      this.resumeCount++
    })
  }

  /** One read that fills `count` blocks. */
  read(count = 1): void {
    assert.isFalse(this.isPaused)
    for (let taken = 0; taken < count; taken++) this.blocks.push(this.account.pool.take(this.account))
    this.isPaused = this.account.isSpent()
  }

  readUntilPaused(): this {
    while (!this.isPaused) this.read()
    return this
  }

  release(count = 1): void {
    for (const block of this.blocks.splice(0, count)) block.release()
  }
}

describe("packet memory", () => {
  it.each([64, 2048, 4096, 100_000])("one connection alone stops at its share, of %i MiB", (count) => {
    const pool = new Pool(count * mebibyte)
    assert.strictEqual(new Reader(pool).readUntilPaused().account.usedBytes, connectionBytesMax)
  })

  it("goes on below half of it, once", () => {
    const reader = new Reader(new Pool(64 * mebibyte)).readUntilPaused()
    while (reader.isPaused) reader.release()
    assert.strictEqual(reader.account.usedBytes, connectionBytesMax / 2)
    reader.release(reader.blocks.length)
    assert.strictEqual(reader.resumeCount, 1)
  })

  it("each takes at most half of what is free, so there is always some for the next", () => {
    const pool = new Pool(8 * mebibyte)
    const held = Array.from({ length: 30 }, () => new Reader(pool).readUntilPaused().account.usedBytes)
    assert.deepStrictEqual(held.slice(0, 3), [4 * mebibyte, 2 * mebibyte, mebibyte])
    for (const bytes of held) assert.isAtLeast(bytes, blockBytes)
    const small = held.filter((bytes) => bytes === blockBytes).length
    assert.isAtMost(pool.usedBytes, pool.bytesMax + small * blockBytes)
  })

  it("is never above its bound by more than a read per connection", () => {
    const pool = new Pool(4 * mebibyte)
    const readBlocks = 5
    const readers = Array.from({ length: 40 }, () => new Reader(pool))
    for (let round = 0; round < 50; round++) for (const reader of readers) if (!reader.isPaused) reader.read(readBlocks)
    assert.isTrue(readers.every((reader) => reader.isPaused))
    assert.isAtMost(pool.usedBytes, pool.bytesMax + readers.length * readBlocks * blockBytes)
  })

  it("a block released twice is a defect, not a corruption", () => {
    const pool = new Pool(mebibyte)
    const account = new Account(pool, () => {})
    const block = pool.take(account)
    block.release()
    assert.throws(() => block.release())
    assert.deepStrictEqual([pool.usedBytes, account.usedBytes], [0, 0])
    const [first, second] = [pool.take(account), pool.take(account)]
    assert.notStrictEqual(first.bytes, second.bytes)
  })

  it("a block is empty when it is taken again", () => {
    const pool = new Pool(mebibyte)
    const account = new Account(pool, () => {})
    const block = pool.take(account)
    block.to = 77
    block.release()
    assert.strictEqual(pool.take(account).to, 0)
  })

  it("what is held where it landed counts as what is copied, until it is released", () => {
    const pool = new Pool(64 * mebibyte)
    const landing = new Landing(new Slabs())
    let resumeCount = 0
    const account = new Account(pool, () => resumeCount++, landing)
    assert.isUndefined(account.hold(landing.bytes, 0, slabBytes), "in the memory of all")
    assert.strictEqual(account.usedBytes, 0)
    const held: Array<Piece | undefined> = []
    while (!account.isSpent()) {
      landing.received()
      held.push(account.hold(landing.bytes, 0, slabBytes))
    }
    assert.strictEqual(held.length, connectionBytesMax / slabBytes)
    assert.deepStrictEqual([account.usedBytes, pool.usedBytes], [connectionBytesMax, connectionBytesMax])
    for (const piece of held.splice(0, held.length / 2)) piece?.release()
    assert.strictEqual(resumeCount, 1)
    for (const piece of held) piece?.release()
    assert.deepStrictEqual([account.usedBytes, pool.usedBytes, resumeCount], [0, 0, 1])
  })

  it("a connection that is gone is not woken, and its blocks still come back", () => {
    const pool = new Pool(mebibyte)
    const reader = new Reader(pool).readUntilPaused()
    reader.account.close()
    reader.release(reader.blocks.length)
    assert.deepStrictEqual([reader.resumeCount, pool.usedBytes], [0, 0])
  })

  it("a connection whose disk stalls does not keep the others paused", () => {
    const pool = new Pool(2 * mebibyte)
    const stalled = new Reader(pool).readUntilPaused()
    const busy = Array.from({ length: 5 }, () => new Reader(pool).readUntilPaused())
    for (let round = 0; round < 20; round++) {
      for (const reader of busy) {
        reader.release(reader.blocks.length)
        reader.readUntilPaused()
      }
    }
    for (const reader of busy) assert.isAbove(reader.resumeCount, 10)
    assert.strictEqual(stalled.resumeCount, 0)
  })

  it.prop(
    "whatever the order of reads and releases, nobody stays paused with nothing held and the count is exact",
    [
      Schema.Array(
        Schema.Struct({
          who: Schema.Literals([0, 1, 2, 3]),
          count: Schema.Literals([1, 2, 3, 9]),
          reads: Schema.Boolean
        })
      )
    ],
    ([steps]) => {
      const pool = new Pool(mebibyte)
      const readers = Array.from({ length: 4 }, () => new Reader(pool))
      for (const { who, count, reads } of steps) {
        const reader = readers[who] as Reader
        if (!reads) reader.release(count)
        else if (!reader.isPaused) reader.read(count)
        const held = readers.reduce((sum, each) => sum + each.blocks.length * blockBytes, 0)
        assert.strictEqual(pool.usedBytes, held)
        for (const each of readers) assert.isFalse(each.isPaused && each.blocks.length === 0, "paused for ever")
      }
    },
    { arbitrary: { runs: 300, size: 60 } }
  )
})

describe("what a stream has of a connection's share", () => {
  it("moves with all of it to the connection that brings more, and is given back there", () => {
    const pool = new Pool(64 * mebibyte)
    const [first, second] = [new Account(pool, () => {}), new Account(pool, () => {})]
    const charge = new Charge()
    charge.assign(first)
    charge.set(600)
    assert.deepStrictEqual([first.usedBytes, second.usedBytes], [600, 0])
    charge.assign(second)
    assert.deepStrictEqual([first.usedBytes, second.usedBytes, pool.usedBytes], [0, 600, 600])
    charge.set(0)
    assert.deepStrictEqual([first.usedBytes, second.usedBytes, pool.usedBytes], [0, 0, 0])
  })
})
