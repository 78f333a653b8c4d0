/** One stream, row by row: pairing (§8), rotation (§9), the tracefile ring (§7.3), the end (§11.3). */
import { assert, describe, it } from "@effect/vitest"
import { noSeq, Played } from "./played.ts"

const left = (played: Played, ...lines: ReadonlyArray<string>) => assert.deepStrictEqual(played.left, lines)

describe("packets and indexes (§8)", () => {
  it("meet in either order; the record has the packet's offset", () => {
    const played = new Played()
    played.data(0, 4, 2)
    played.index(0, 0, 6)
    played.index(1)
    left(played, "A/0: aaaa.. | 0:0")
    played.data(1)
    left(played, "A/0: aaaa..bbbb | 0:0 6:1")
    assert.deepStrictEqual([played.stream.indexCount, played.stream.inFlightCount], [2, 0])
  })

  it("records come in the order of meeting, with true offsets", () => {
    const played = new Played()
    for (const seq of [0, 1, 2]) played.data(seq)
    for (const seq of [2, 0, 1]) played.index(seq)
    left(played, "A/0: aaaabbbbcccc | 8:2 0:0 4:1")
    assert.strictEqual(played.stream.prevIndexSeq, 1n)
  })

  it("the index file is there from the first complete packet on", () => {
    const played = new Played()
    played.index(0)
    played.begin(0)
    played.some(2)
    left(played, "A/0: aa")
    played.end()
    played.data(1)
    left(played, "A/0: aaaabbbb | 0:0")
  })

  it("an index of the same number waits for a packet of its own", () => {
    const played = new Played().both(0)
    assert.isTrue(played.index(0))
    assert.strictEqual(played.stream.inFlightCount, 1)
    assert.isTrue(played.data(0))
    left(played, "A/0: aaaaaaaa | 0:0 4:0")
  })

  it("a second index, or a second packet, that nothing met is refused", () => {
    const one = new Played()
    assert.deepStrictEqual([one.index(0), one.index(0)], [true, false])
    const other = new Played()
    assert.deepStrictEqual([other.data(0), other.data(0)], [true, false])
  })

  it("without indexes packets are only counted, and an index that comes anyway is dropped", () => {
    const played = new Played({ hasIndex: false })
    played.data(3)
    assert.isTrue(played.index(3))
    assert.isTrue(played.data(3))
    left(played, "A/0: dddddddd")
    assert.deepStrictEqual([played.stream.prevDataSeq, played.stream.prevIndexSeq], [3n, noSeq])
    assert.strictEqual(played.stream.inFlightCount, 0)
  })

  it("packets of 4 GiB and padding of 4 GiB are summed without wrapping", () => {
    const { stream } = new Played()
    for (const seq of [0n, 1n]) {
      stream.beginPacket(seq, 0xffff_ffff, 0xffff_ffff)
      stream.endPacket()
    }
    assert.strictEqual(stream.offset, 4 * 0xffff_ffff)
  })

  it("beacons count only while nothing is in flight, also before the first index", () => {
    const { stream } = new Played()
    stream.addBeacon(5n, 0)
    assert.strictEqual(stream.beacon, 5n)
    const played = new Played()
    played.index(0)
    played.stream.addBeacon(9n, 0)
    assert.isUndefined(played.stream.beacon)
    played.data(0)
    played.stream.addBeacon(9n, 0)
    assert.strictEqual(played.stream.beacon, 9n)
    played.index(1)
    assert.isUndefined(played.stream.beacon)
  })

  it("halves in flight are counted by what came first, until the other comes or the stream ends", () => {
    const played = new Played()
    const { stream } = played
    const counts = () => [stream.awaitingDataCount, stream.inFlightCount - stream.awaitingDataCount]
    for (const seq of [0, 1, 2]) played.index(seq)
    for (const seq of [3, 4]) played.data(seq)
    assert.deepStrictEqual(counts(), [3, 2])
    played.data(1)
    played.index(4)
    assert.deepStrictEqual(counts(), [2, 1])
    stream.tryClose(false)
    assert.deepStrictEqual(counts(), [2, 0])
    stream.tryClose(true)
    assert.deepStrictEqual(counts(), [0, 0])
  })

  it("only one packet arrives at a time", () => {
    const played = new Played()
    assert.deepStrictEqual([played.begin(0), played.begin(1)], [true, false])
  })

  it("part of a packet whose connection is gone stays until something follows, and spoils no offset", () => {
    const played = new Played().both(0)
    played.begin(1)
    played.some(3)
    played.stream.abandonPacket()
    left(played, "A/0: aaaabbb | 0:0")
    played.both(2)
    left(played, "A/0: aaaacccc | 0:0 4:2")
  })
})

describe("rotation to another chunk (§9, behaviour table)", () => {
  it("L + 1 < R: pending until packet R - 1 has data and index, whichever is last", () => {
    for (const order of ["data", "index"] as const) {
      const played = new Played().both(0)
      assert.isTrue(played.rotate(3, "B"))
      played.both(1)
      assert.isTrue(played.stream.isRotating)
      if (order === "data") played.data(2)
      else played.index(2)
      assert.isTrue(played.stream.isRotating)
      if (order === "data") played.index(2)
      else played.data(2)
      assert.isFalse(played.stream.isRotating)
      played.both(3)
      left(played, "A/0: aaaabbbbcccc | 0:0 4:1 8:2", "B/0: dddd | 0:3")
      assert.deepStrictEqual(played.disk.leftChunks, ["A"])
    }
  })

  it("L + 1 = R, no later data: at once", () => {
    const played = new Played().both(0, 1)
    played.rotate(2, "B")
    assert.strictEqual(played.stream.chunk, "B")
    left(played, "A/0: aaaabbbb | 0:0 4:1", "B/0:")
  })

  it("L + 1 > R: at once after L; R to L stay in the old chunk", () => {
    const played = new Played().both(0, 1, 2)
    played.rotate(1, "B")
    played.both(3)
    left(played, "A/0: aaaabbbbcccc | 0:0 4:1 8:2", "B/0: dddd | 0:3")
  })

  it("packet numbers may jump over R", () => {
    const played = new Played().both(0)
    played.rotate(5, "B")
    played.data(1)
    played.index(1, 9)
    assert.isFalse(played.stream.isRotating)
    left(played, "A/0: aaaabbbb | 0:0 4:9", "B/0:")
  })

  it("data of later packets already complete: moved, with their offsets and halves", () => {
    const played = new Played().both(0, 1)
    played.data(2)
    played.data(3, 2, 1)
    played.rotate(2, "B")
    left(played, "A/0: aaaabbbb | 0:0 4:1", "B/0: ccccdd. |")
    played.index(3, 3, 3)
    played.index(2)
    played.both(4)
    left(played, "A/0: aaaabbbb | 0:0 4:1", "B/0: ccccdd.eeee | 4:3 0:2 7:4")
    assert.isTrue(played.close())
    assert.strictEqual(played.disk.openCount, 0)
  })

  it("later data complete while the index of R - 1 is missing: moved when it comes", () => {
    const played = new Played().both(0)
    played.rotate(2, "B")
    for (const seq of [1, 2, 3]) played.data(seq)
    assert.isTrue(played.stream.isRotating)
    played.index(1)
    left(played, "A/0: aaaabbbb | 0:0 4:1", "B/0: ccccdddd |")
  })

  it("later data and its index, both before the index of R - 1: all stays, as its index came first", () => {
    const played = new Played().both(0)
    played.rotate(2, "B")
    for (const seq of [1, 2]) played.data(seq)
    played.index(2)
    left(played, "A/0: aaaabbbbcccc | 0:0 8:2", "B/0:")
  })

  it("a packet that is arriving is never split: the rotation waits for its end, then moves it", () => {
    const played = new Played().both(0)
    played.begin(1)
    played.some(2)
    played.rotate(1, "B")
    left(played, "A/0: aaaabb | 0:0")
    assert.isTrue(played.stream.isRotating)
    assert.isTrue(played.end())
    left(played, "A/0: aaaa | 0:0", "B/0: bbbb |")
    played.index(1)
    left(played, "A/0: aaaa | 0:0", "B/0: bbbb | 0:1")
  })

  it("an arriving packet whose index came first moves and gets its record there", () => {
    const played = new Played().both(0)
    played.begin(1)
    played.rotate(1, "B")
    played.index(1)
    played.end()
    left(played, "A/0: aaaa | 0:0", "B/0: bbbb | 0:1")
  })

  it("no packet yet: pending; the first is stored in the old chunk even for R = 0", () => {
    const played = new Played()
    played.rotate(0, "B")
    assert.isTrue(played.stream.isRotating)
    played.both(0, 1)
    left(played, "A/0: aaaa | 0:0", "B/0: bbbb | 0:1")
  })

  it("to no chunk: packets are refused, beacons are not, and the next chunk is entered at once", () => {
    const played = new Played().both(0)
    assert.isTrue(played.rotate(1, undefined))
    assert.isFalse(played.data(1))
    played.stream.addBeacon(7n, 0)
    assert.strictEqual(played.stream.beacon, 7n)
    assert.isTrue(played.stream.lastRotationWasToNull)
    for (const at of [1, 50]) {
      const next = new Played().both(0)
      next.rotate(1, undefined)
      assert.isTrue(next.rotate(at, "B"))
      assert.strictEqual(next.stream.chunk, "B")
      next.both(60)
      left(next, "A/0: aaaa | 0:0", "B/0: iiii | 0:60")
      assert.deepStrictEqual(next.disk.leftChunks, ["A"])
    }
  })

  it("to no chunk with packets that would be lost: refused", () => {
    const played = new Played().both(0)
    played.data(1)
    assert.isFalse(played.rotate(1, undefined))
    left(played, "A/0: aaaabbbb | 0:0")
  })

  it("a second one while the first is pending is refused and changes nothing", () => {
    const played = new Played().both(0)
    played.rotate(2, "B")
    assert.isFalse(played.rotate(1, "C"))
    played.both(1)
    assert.strictEqual(played.stream.chunk, "B")
  })

  it("counters survive: the number of indexes, the last numbers", () => {
    const played = new Played().both(0, 1)
    played.rotate(2, "B")
    assert.deepStrictEqual(
      [played.stream.indexCount, played.stream.prevDataSeq, played.stream.prevIndexSeq, played.stream.offset],
      [2, 1n, 1n, 0]
    )
    assert.strictEqual(played.stream.completedRotationCount, 1)
  })

  it("metadata goes at once, whatever the position, and counts from nothing", () => {
    const played = new Played({ isMetadata: true, hasIndex: false })
    played.metadata("one")
    assert.isTrue(played.rotate(99, "B"))
    assert.strictEqual(played.stream.metadataReceived, 0)
    played.metadata("two")
    left(played, "A/0: one", "B/0: two")
    played.rotate(0, undefined)
    assert.strictEqual(played.stream.metadataReceived, 3)
    assert.isFalse(played.metadata("lost"))
  })

  it("metadata that has packets and indexes leaves no index behind in the old chunk", () => {
    const played = new Played({ isMetadata: true }).both(0)
    played.rotate(0, "B")
    played.both(1)
    left(played, "A/0: aaaa | 0:0", "B/0: bbbb | 0:1")
    played.close()
    assert.strictEqual(played.disk.openCount, 0)
  })

  it("part of a packet left behind by its connection does not go to either chunk", () => {
    const played = new Played().both(0)
    played.begin(1)
    played.some(3)
    played.stream.abandonPacket()
    played.rotate(1, "B")
    left(played, "A/0: aaaa | 0:0", "B/0:")
  })
})

describe("metadata", () => {
  it("a message counts when it is whole; what was received of a lost one goes", () => {
    const played = new Played({ isMetadata: true, hasIndex: false })
    played.metadata("whole")
    played.stream.beginMetadata()
    played.disk.append(played.stream.file as never, "par")
    assert.strictEqual(played.stream.metadataReceived, 5)
    played.stream.abandonMetadata()
    played.metadata("next")
    left(played, "A/0: wholenext")
    assert.strictEqual(played.stream.metadataReceived, 9)
    played.stream.beginMetadata()
    played.disk.append(played.stream.file as never, "par")
    played.close()
    left(played, "A/0: wholenext")
  })

  it("a reset starts a new file under the same name", () => {
    const played = new Played({ isMetadata: true, hasIndex: false })
    played.metadata("old")
    assert.isTrue(played.stream.resetMetadata())
    played.metadata("new")
    left(played, "A/0: new")
    assert.deepStrictEqual([played.stream.prevDataSeq, played.stream.prevIndexSeq], [0n, 0n])
    assert.isFalse(new Played().stream.resetMetadata())
  })
})

describe("the tracefile ring (§7.3)", () => {
  const ring = (tracefileCount: number, tracefileSize = 8) => new Played({ tracefileSize, tracefileCount })

  it("a file takes packets up to its size, padding not counted for the newest", () => {
    const played = ring(3)
    played.data(0, 4, 3)
    played.data(1, 4)
    left(played, "A/0: aaaa... |", "A/1: bbbb |")
    const exact = ring(3)
    exact.data(0, 4)
    exact.data(1, 4, 100)
    assert.strictEqual(exact.left.length, 1)
  })

  it("a packet larger than a file goes alone into the next, and an empty first one stays", () => {
    const played = ring(3)
    played.data(0, 20)
    left(played, "A/0:", `A/1: ${"a".repeat(20)} |`)
  })

  it("the oldest file is replaced, with its index and its records", () => {
    const played = ring(2).both(0, 1, 2, 3)
    left(played, "A/0: aaaabbbb | 0:0 4:1", "A/1: ccccdddd | 0:2 4:3")
    assert.strictEqual(played.stream.runs.first(4), 0)
    played.both(4)
    left(played, "A/0: eeee | 0:4", "A/1: ccccdddd | 0:2 4:3")
    assert.strictEqual(played.stream.runs.first(5), 2)
  })

  it("a ring of one file keeps rewriting it", () => {
    const played = ring(1).both(0, 1, 2)
    left(played, "A/0: cccc | 0:2")
  })

  it("an index that comes after its file was overwritten leaves no record in the new one", () => {
    const played = ring(1)
    played.data(0)
    played.data(1)
    played.data(2)
    assert.deepStrictEqual([played.index(0), played.index(1), played.index(2)], [true, true, true])
    left(played, "A/0: cccc | 0:2")
    assert.strictEqual(played.stream.indexCount, 3)
  })

  it("without a size the count means nothing", () => {
    left(new Played({ tracefileCount: 2 }).both(0, 1, 2), "A/0: aaaabbbbcccc | 0:0 4:1 8:2")
  })

  it("starts again at file 0 in the next chunk", () => {
    const played = ring(3).both(0, 1, 2)
    played.rotate(3, "B")
    played.both(3, 4, 5)
    left(played, "A/0: aaaabbbb | 0:0 4:1", "A/1: cccc | 0:2", "B/0: ddddeeee | 0:3 4:4", "B/1: ffff | 0:5")
  })

  it("packets that move to the next chunk fill its files as if they had arrived there", () => {
    const played = ring(3).both(0)
    for (const seq of [1, 2, 3, 4]) played.data(seq)
    played.rotate(1, "B")
    played.index(4)
    played.index(2)
    left(played, "A/0: aaaa | 0:0", "A/1: |", "A/2: |", "B/0: bbbbcccc | 4:2", "B/1: ddddeeee | 4:4")
  })

  it("a rotation whose data comes out of order keeps each record with its file", () => {
    const played = ring(4, 4)
    played.data(5)
    played.data(3)
    played.rotate(6, "B")
    played.index(5)
    assert.isTrue(played.stream.isRotating)
    played.data(4)
    for (const seq of [3, 4]) played.index(seq)
    left(played, "A/0: ffff | 0:5", "A/1: dddd | 0:3", "A/2: eeee | 0:4")
  })
})

describe("the end (§11.3)", () => {
  it("at once when nothing is awaited; files are closed and the chunk is left, once", () => {
    const played = new Played().both(0)
    assert.deepStrictEqual([played.close(), played.close()], [true, false])
    assert.strictEqual(played.disk.openCount, 0)
    assert.deepStrictEqual(played.disk.leftChunks, ["A"])
  })

  it("waits for data up to the last number, not for indexes", () => {
    const played = new Played().both(0)
    assert.isFalse(played.close(1))
    played.data(1)
    assert.isTrue(played.close(1))
    left(played, "A/0: aaaabbbb | 0:0")
  })

  it("without a last number it waits for the packet of the highest index", () => {
    const played = new Played()
    played.data(1)
    played.index(2)
    played.index(4)
    assert.isFalse(played.close())
    assert.strictEqual(played.stream.inFlightCount, 2)
    played.data(4)
    assert.isTrue(played.close())
  })

  it("does not wait in an aborted session", () => {
    const played = new Played()
    played.index(0)
    assert.isFalse(played.close())
    assert.isTrue(played.close(undefined, true))
    assert.strictEqual(played.stream.inFlightCount, 0)
  })

  it("the last number is compared with wrap-around", () => {
    const played = new Played()
    played.stream.beginPacket(2n ** 64n - 2n, 4, 0)
    played.end()
    assert.isFalse(played.close(1))
    played.data(1)
    assert.isTrue(played.close(1))
  })

  it("drops what is in flight, unwritten, and every file it kept open", () => {
    const played = new Played()
    for (const seq of [0, 1]) played.data(seq)
    played.index(1)
    played.index(5)
    assert.isTrue(played.close(1))
    left(played, "A/0: aaaabbbb | 4:1")
    assert.deepStrictEqual([played.stream.inFlightCount, played.disk.openCount], [0, 0])
  })

  it("in the middle of a rotation leaves both chunks", () => {
    const played = new Played().both(0)
    played.rotate(5, "B")
    played.data(1)
    assert.isTrue(played.close())
    assert.deepStrictEqual(played.disk.leftChunks, ["A", "B"])
    assert.strictEqual(played.disk.openCount, 0)
  })

  it("a closed stream takes nothing more", () => {
    const played = new Played()
    played.close()
    assert.deepStrictEqual([played.begin(0), played.stream.beginMetadata()], [false, false])
    assert.isFalse(played.stream.resetMetadata())
  })
})
