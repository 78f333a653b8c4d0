/** Packets that begin at the same time, as those of a coarse clock: their numbers say which comes first. */
import { assert, describe, it } from "@effect/vitest"
import type { DataFile } from "../../src/recovery/DataFile.ts"
import * as StreamOrder from "../../src/recovery/StreamOrder.ts"

const file = (path: string, ...sequence: ReadonlyArray<bigint>): DataFile => {
  const packets = sequence.map((packetSeqNum) => {
    return { streamId: 0n, streamInstanceId: 0n, packetSeqNum, timestampBegin: 100n, timestampEnd: 100n }
  })
  return { path, scan: { packets, holes: [] } } as unknown as DataFile
}

const never = () => false

describe("StreamOrder", () => {
  it("orders files that begin at the same time by the numbers of their first packets", () => {
    assert.deepStrictEqual(StreamOrder.check([file("ring_1", 7n, 8n), file("ring_0", 5n, 6n)], never), [])
  })
})
