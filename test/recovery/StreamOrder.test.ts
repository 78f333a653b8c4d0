/**
 * Packets that begin at the same time, as those of a coarse clock: their numbers say which comes first. And those
 * that are there twice.
 */
import { assert, describe, it } from "@effect/vitest"
import { check, type DataFile } from "../../src/recovery/DataFile.ts"
import type { Finding } from "../../src/recovery/Finding.ts"
import * as StreamOrder from "../../src/recovery/StreamOrder.ts"

const file = (path: string, ...sequence: ReadonlyArray<bigint>): DataFile => {
  const packets = sequence.map((packetSeqNum, at) => {
    const place = { offset: at * 10, byteCount: 10 }
    return { ...place, streamId: 0n, streamInstanceId: 0n, packetSeqNum, timestampBegin: 100n, timestampEnd: 100n }
  })
  return { path, byteCount: 10 * packets.length, corrections: [], scan: { packets, holes: [] } } as unknown as DataFile
}

const never = () => false
const always = () => true

/** What is kept of a file. */
const keptOf = ({ changes }: Finding) =>
  changes.flatMap((change) => (change.kind === "keep" ? change.ranges.map(({ from, to }) => [from, to]) : []))

describe("StreamOrder", () => {
  it("orders files that begin at the same time by the numbers of their first packets", () => {
    assert.deepStrictEqual(StreamOrder.check([file("ring_1", 7n, 8n), file("ring_0", 5n, 6n)], never), [])
  })

  it("orders packets of one file that begin at the same time by their numbers", () => {
    const [found] = StreamOrder.check([file("channel", 5n, 7n, 6n)], never)
    assert.strictEqual(found?.code, "sequence-repeats")
    assert.deepStrictEqual(found && keptOf(found), [
      [0, 10],
      [20, 30],
      [10, 20]
    ])
  })

  it("keeps a packet once that is twice in a file", () => {
    const found = StreamOrder.check([file("channel", 5n, 6n, 6n, 7n)], never)
    assert.deepStrictEqual(found.map(keptOf), [
      [
        [0, 20],
        [30, 40]
      ]
    ])
  })

  it("keeps packets in the next file that were being moved there, and says no more of them", () => {
    const files = [file("ring_0", 5n, 6n, 7n), file("ring_1", 6n, 7n, 8n)]
    const found = StreamOrder.check(files, always)
    assert.deepStrictEqual(
      found.map(({ path, code }) => [path, code]),
      [["ring_0", "sequence-repeats"]]
    )
    assert.deepStrictEqual(found.map(keptOf), [[[0, 10]]])
    // Those that are others are nobody's to take.
    assert.deepStrictEqual(StreamOrder.check(files, never).flatMap(keptOf), [])
  })

  it("changes a file once at a time: it is put in order when what was moved is gone from it", () => {
    const found = StreamOrder.check([file("ring_0", 5n, 4n, 6n), file("ring_1", 6n, 7n)], always)
    assert.deepStrictEqual(found.filter(({ changes }) => changes.length > 0).map(keptOf), [[[0, 20]]])
  })
})

describe("a file of which another has everything", () => {
  const copiesOf = (...files: ReadonlyArray<DataFile>) =>
    [...StreamOrder.copies(files, always).keys()].map(({ path }) => path)

  it("is its copy, if it is no longer and no shorter, and has no index where the other has one", () => {
    const [a, b] = [file("a", 5n, 6n), file("b", 5n, 6n)]
    assert.deepStrictEqual(copiesOf(a, b), ["b"])
    const indexed = { ...b, index: { headerFault: undefined, minor: 1, records: [], tornBytes: 0 } } as const
    assert.deepStrictEqual(copiesOf(a, indexed), ["a"])
    assert.deepStrictEqual(copiesOf(file("a", 5n, 6n, 7n), b), [])
  })

  it("is none where it has something else, too, or other packets of the same numbers", () => {
    const [a, b] = [file("a", 5n, 6n), file("b", 5n, 6n)]
    const more = { ...b, scan: { ...b.scan, holes: [{ from: 20, to: 30 }] } } as unknown as DataFile
    assert.deepStrictEqual(copiesOf(a, more), [])
    assert.strictEqual(StreamOrder.copies([a, b], never).size, 0)
  })
})

describe("bytes that are no packets", () => {
  const withHole = (isForeign: boolean): DataFile => {
    const whole = file("channel", 5n)
    const hole = { from: 10, to: 20, isTorn: false, isForeign, isUnreadable: false, reason: "odd" }
    return { ...whole, byteCount: 20, scan: { ...whole.scan, holes: [hole] } } as unknown as DataFile
  }
  const found = (isForeign: boolean) =>
    check(withHole(isForeign)).map(({ changes, code }) => [code, changes.length > 0])

  it("are taken from the file, but not where they may be packets that only this program cannot read", () => {
    assert.deepStrictEqual(found(false), [["data-unreadable", true]])
    assert.deepStrictEqual(found(true), [["data-unreadable", false]])
  })
})
