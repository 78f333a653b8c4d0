/** Packets that begin at the same time, as those of a coarse clock: their numbers say which comes first. */
import { assert, describe, it } from "@effect/vitest"
import type { DataFile } from "../../src/recovery/DataFile.ts"
import * as StreamOrder from "../../src/recovery/StreamOrder.ts"

const file = (path: string, ...sequence: ReadonlyArray<bigint>): DataFile => {
  const packets = sequence.map((packetSeqNum, at) => {
    const place = { offset: at * 10, byteCount: 10 }
    return { ...place, streamId: 0n, streamInstanceId: 0n, packetSeqNum, timestampBegin: 100n, timestampEnd: 100n }
  })
  return { path, byteCount: 10 * packets.length, scan: { packets, holes: [] } } as unknown as DataFile
}

const never = () => false

describe("StreamOrder", () => {
  it("orders files that begin at the same time by the numbers of their first packets", () => {
    assert.deepStrictEqual(StreamOrder.check([file("ring_1", 7n, 8n), file("ring_0", 5n, 6n)], never), [])
  })

  it("orders packets of one file that begin at the same time by their numbers", () => {
    const [found] = StreamOrder.check([file("channel", 5n, 7n, 6n)], never)
    assert.strictEqual(found?.code, "sequence-repeats")
    const kept = found?.changes.flatMap((change) => (change.kind === "keep" ? change.ranges : []))
    assert.deepStrictEqual(
      kept?.map(({ from, to }) => [from, to]),
      [
        [0, 10],
        [20, 30],
        [10, 20]
      ]
    )
  })
})
