/** An edge that brings much at once, or little that is much when it is unpacked: others are looked at in between. */
import { zstdCompressSync } from "node:zlib"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { join, u32 } from "../../src/testing/PeerBytes.ts"
import { until } from "../../src/testing/Waiting.ts"
import { record, taking } from "../support/journal.ts"

/** More than one turn's. */
const count = 5000
const all = Array.from({ length: count }, (_, index) => index + 1)
const little = (number: number) => record(number, Kind.rest, Buffer.alloc(8))

const packed = (number: number, records: Buffer) =>
  record(number, Kind.packed, join(u32(records.length), zstdCompressSync(records)), 0)

for (const [what, bytes, wanted] of [
  ["many records", join(...all.map(little)), all],
  ["many records that came packed", packed(count, join(...all.map(little))), all],
  [
    "records that are long when they are unpacked",
    join(...all.slice(0, 20).map((number) => packed(number, record(number, Kind.rest, Buffer.alloc(1024 * 1024))))),
    all.slice(0, 20)
  ]
] as const) {
  it.live(`of ${what} a part is carried out at once, the rest in turns, each once and in order`, () =>
    Effect.gen(function* () {
      const { connection, seen } = taking()
      const { numbers } = seen
      const lent = Buffer.from(bytes)
      const goesOn = connection.receive(lent, lent.length)
      // They are the connection's for the call only.
      lent.fill(0xff)
      assert.isFalse(goesOn)
      assert.isAbove(numbers.length, 0)
      assert.isBelow(numbers.length, wanted.length / 2)
      assert.strictEqual(seen.resumeCount, 0)
      yield* until("the rest", () => numbers.length === wanted.length && seen.resumeCount > 0)
      assert.deepStrictEqual(numbers, wanted)
      assert.strictEqual(seen.resumeCount, 1)
      connection.release()
    })
  )
}
