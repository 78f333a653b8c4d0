/** What grows without a bound while a relay runs for months: chunks, files of a stream, packets that are missing. */
import { assert, describe, it } from "@effect/vitest"
import * as Check from "../../src/recovery/Check.ts"
import type { DataFile } from "../../src/recovery/DataFile.ts"
import type { Packet } from "../../src/recovery/PacketScan.ts"
import * as StreamOrder from "../../src/recovery/StreamOrder.ts"
import type { Entry, Tree } from "../../src/recovery/Tree.ts"

const directory = (name: string): Entry => ({ name, kind: "directory", byteCount: 0, changedAt: 1 })

/** A session whose tracer was never asked for anything but rotations. */
const rotated = (count: number): Tree => {
  const chunks = Array.from({ length: count }, (_, at) => directory(`20260101T000000+0000-20260101T000001+0000-${at}`))
  const levels = [[directory("s-20260101-000000")], [directory("archives")], chunks, [directory("ust")]]
  return {
    list: (path) => levels[path === "" ? 0 : path.split("/").length] ?? [],
    read: () => new Uint8Array(),
    data: () => ({ from: () => assert.fail("there are no files"), release: () => {} })
  }
}

/** Of packets that begin at these times and have these numbers. */
const file = (name: string, packets: ReadonlyArray<readonly [time: number, sequence: number]>): DataFile => ({
  path: name,
  byteCount: packets.length * 4096,
  indexPath: `index/${name}.idx`,
  index: { headerFault: undefined, minor: 1, records: [], tornBytes: 0 },
  isIndexed: true,
  trace: undefined,
  minor: 1,
  corrections: [],
  scan: {
    holes: [],
    packets: packets.map(([time, sequence], at): Packet => {
      const [untold, timestampBegin] = [undefined, BigInt(time)]
      const head = { contentSize: 32_768n, eventsDiscarded: 0n, streamId: 0n, streamInstanceId: 0n }
      const rest = {
        trace: untold,
        traceAt: untold,
        doubt: untold,
        beginNanos: untold,
        endNanos: untold,
        fault: untold
      }
      const own = { offset: at * 4096, byteCount: 4096, packetSeqNum: BigInt(sequence) }
      return { ...own, ...head, ...rest, timestampBegin, timestampEnd: timestampBegin }
    })
  }
})

const range = (count: number) => Array.from({ length: count }, (_, at) => at)
const never = () => false

describe("very many", () => {
  it("chunks of one session are walked", () => {
    const { findings, traceCount } = Check.check(rotated(130_000))
    assert.deepStrictEqual([findings, traceCount], [[], 0])
  })

  it("packets that are missing from a stream are named a few times", () => {
    const gaps = file(
      "c_0",
      range(60_000).map((at) => [at, 2 * at])
    )
    const found = StreamOrder.check([gaps], never)
    assert.deepStrictEqual(new Set(found.map(({ code }) => code)), new Set(["sequence-gap"]))
    assert.isBelow(found.length, 10)
  })

  it("packets of a file that are in the opposite order are put right", () => {
    const count = 150_000
    const backwards = file(
      "c_0",
      range(count).map((at) => [count - at, count - at])
    )
    const changes = StreamOrder.check([backwards], never).flatMap((each) => each.changes)
    assert.deepStrictEqual(
      changes.map(({ kind }) => kind),
      ["keep", "write"]
    )
  })

  it("files of a stream are each compared with those only that may have the same packets", () => {
    let readCount = 0
    const counted = (one: DataFile): DataFile => ({
      ...one,
      get scan() {
        readCount++
        return one.scan
      }
    })
    const fileCount = 1000
    const files = range(fileCount).map((at) =>
      counted(
        file(`c_0_${String(at).padStart(4, "0")}`, [
          [2 * at, 2 * at],
          [2 * at + 1, 2 * at + 1]
        ])
      )
    )
    const copy = counted(
      file("c_0_copy", [
        [10, 10],
        [11, 11]
      ])
    )
    const found = StreamOrder.copies([...files, copy], () => true)
    assert.deepStrictEqual(
      [...found.keys()].map(({ path }) => path),
      ["c_0_copy"]
    )
    assert.isBelow(readCount, 100 * fileCount)
  })
})
