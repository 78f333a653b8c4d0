/** How much a spool may have: its limit, or what its disk has room for; and what finds room beyond. */
import { assert, describe, it } from "@effect/vitest"
import { Room } from "../../src/edge/spool/Room.ts"

const mebi = 1024 * 1024
const limit = 1000 * mebi

/** What is taken up to where: in all, a packet that begins, one that ends, commands, commands that are waited for. */
const boundsOf = (room: Room) =>
  [
    room.bytesMax,
    room.packetBytesMax(false),
    room.packetBytesMax(true),
    room.commandBytesMax(false),
    room.commandBytesMax(true)
  ].map((bytes) => bytes / mebi)

const lookedAt = (totalMebi: number, freeMebi: number, hasMebi: number) => {
  const room = new Room(limit)
  room.look({ freeBytes: freeMebi * mebi, totalBytes: totalMebi * mebi }, hasMebi * mebi)
  return room
}

describe("a spool has room", () => {
  it("up to its limit before its disk was looked at, and where that has more", () => {
    for (const room of [new Room(limit), lookedAt(10_000, 2000, 0), lookedAt(10_000, 64, 1000)]) {
      assert.deepStrictEqual(boundsOf(room), [1000, 1016, 1048, 1001, 1064])
      assert.isTrue(room.isAmple)
    }
  })

  it("for what it has and what is free, but for a reserve, where that is less", () => {
    const room = lookedAt(10_000, 500, 300)
    assert.deepStrictEqual(boundsOf(room), [736, 752, 784, 737, 800])
    assert.isTrue(room.isAmple)
    assert.isFalse(lookedAt(10_000, 20, 300).isAmple)
  })

  it("for nothing more once less is free than the reserve: of a small disk an eighth, at least 16 MiB, at most half", () => {
    assert.strictEqual(lookedAt(10_000, 10, 0).bytesMax, 0)
    assert.strictEqual(lookedAt(256, 40, 100).bytesMax / mebi, 108)
    assert.strictEqual(lookedAt(64, 40, 10).bytesMax / mebi, 34)
    assert.strictEqual(lookedAt(20, 15, 5).bytesMax / mebi, 10)
  })

  it("for commands beyond that at most for the reserve, all of which a tiny disk has", () => {
    assert.deepStrictEqual(boundsOf(lookedAt(1, 1, 0)), [0.5, 0.625, 0.875, 1, 1])
  })

  it("and says what keeps it from having more: its limit, or its disk, though others have filled that", () => {
    assert.strictEqual(new Room(limit).fullness(5), `5 of ${limit} bytes`)
    const { byteCount, room } = { byteCount: 410_884, room: new Room(limit) }
    room.look({ freeBytes: 0, totalBytes: 64 * mebi }, byteCount)
    assert.strictEqual(room.bytesMax, 0)
    assert.strictEqual(
      room.fullness(byteCount),
      `410884 bytes, and its disk, of which ${16 * mebi} bytes stay free, has room for no more`
    )
  })

  it("as its disk has, each time it is looked at", () => {
    const room = lookedAt(10_000, 10, 0)
    room.look({ freeBytes: 5000 * mebi, totalBytes: 10_000 * mebi }, 0)
    assert.strictEqual(room.bytesMax, limit)
  })
})
