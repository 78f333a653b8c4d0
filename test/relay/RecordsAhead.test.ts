/** Index records read ahead by a viewer that is behind. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { recordBytes } from "../../src/memory/RecentIndexes.ts"
import * as CtfIndex from "../../src/protocol/CtfIndex.ts"
import { RecordsAhead, short } from "../../src/relay/viewer/RecordsAhead.ts"

const minor = 4
const recordSize = CtfIndex.recordSize(minor)
const fileOf = (recordCount: number) => {
  const bytes = Buffer.alloc(CtfIndex.headerSize + recordCount * recordSize)
  for (let at = 0; at < recordCount; at++) bytes.fill(at, CtfIndex.headerSize + at * recordSize)
  const reads: Array<number> = []
  const read = (into: Buffer, position: number) =>
    Effect.sync(() => {
      reads.push(position)
      return bytes.copy(into, 0, position)
    })
  return { reads, read }
}
const reply = Buffer.alloc(recordBytes)

describe("records read ahead", () => {
  it.effect("one read is enough for the 64 that follow", () =>
    Effect.gen(function* () {
      const ahead = new RecordsAhead(minor)
      const file = fileOf(100)
      yield* ahead.read(file, { firstSeq: 1000, firstRecord: 0, count: 100 }, 1010)
      assert.isFalse(ahead.copy(1009, reply))
      for (let seq = 1010; seq < 1074; seq++) {
        assert.isTrue(ahead.copy(seq, reply))
        assert.isTrue(reply.equals(Buffer.alloc(recordBytes, seq - 1000)))
      }
      assert.isFalse(ahead.copy(1074, reply))
      assert.deepStrictEqual(file.reads, [CtfIndex.headerSize + 10 * recordSize])
    })
  )

  it.effect("records behind the end of the run are none of its", () =>
    Effect.gen(function* () {
      const ahead = new RecordsAhead(minor)
      yield* ahead.read(fileOf(100), { firstSeq: 0, firstRecord: 20, count: 3 }, 1)
      assert.isTrue(ahead.copy(2, reply))
      assert.isTrue(reply.equals(Buffer.alloc(recordBytes, 22)))
      assert.isFalse(ahead.copy(3, reply))
    })
  )

  it.effect("half a record is none, and then what was read before is forgotten", () =>
    Effect.gen(function* () {
      const ahead = new RecordsAhead(minor)
      const run = { firstSeq: 0, firstRecord: 0, count: 10 }
      yield* ahead.read(fileOf(2), run, 0)
      assert.strictEqual(yield* Effect.flip(ahead.read(fileOf(2), run, 2)), short)
      assert.isFalse(ahead.copy(0, reply))
    })
  )
})
