import { assert, describe, it } from "@effect/vitest"
import { Losses } from "../../src/model/Losses.ts"
import { record11 } from "../../src/protocol/CtfIndex.ts"
import { fixed } from "../../src/protocol/Struct.ts"

/** The members behind the offset. */
const record = (eventsDiscarded: bigint, packetSeqNum: bigint): Buffer =>
  Buffer.from(
    fixed(record11).encode({
      offset: 0n,
      packetSize: 0n,
      contentSize: 0n,
      timestampBegin: 0n,
      timestampEnd: 0n,
      eventsDiscarded,
      streamId: 0n,
      streamInstanceId: 0n,
      packetSeqNum
    })
  ).subarray(8)

const lost = (isNumbered: boolean, ...records: ReadonlyArray<readonly [bigint, bigint]>) => {
  const losses = new Losses(isNumbered)
  for (const [discarded, seqNum] of records) losses.add(record(discarded, seqNum), 0)
  return [losses.eventsDiscarded, losses.packetsLost]
}

describe("what a tracer lost", () => {
  it("is the events it counted, and the numbers that are missing", () => {
    assert.deepStrictEqual(lost(true, [0n, 0n], [3n, 1n], [3n, 2n]), [3, 0])
    assert.deepStrictEqual(lost(true, [0n, 0n], [0n, 4n], [7n, 5n]), [7, 3])
  })

  it("counts from the first packet that came: a ring or a late start loses nothing", () => {
    assert.deepStrictEqual(lost(true, [0n, 100n], [0n, 101n]), [0, 0])
  })

  it("has no packets where the tracer does not number them", () => {
    assert.deepStrictEqual(lost(false, [5n, 0n], [9n, 0n]), [9, 0])
  })

  it("keeps what was counted when a counter begins again", () => {
    assert.deepStrictEqual(lost(true, [0xffff_fff0n, 0n], [4n, 1n]), [0xffff_fff0, 0])
  })
})
