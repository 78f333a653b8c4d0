/** How far an edge is behind: as it says, unless it is not heard. */
import { assert, describe, it } from "@effect/vitest"
import { lagOf } from "../../src/relay/journal/Said.ts"

const said = { heardAt: 1_000_000, lagMillis: 300n, last: 10n }
const lag = (received: number, isConnected: boolean, silentMillis: number) =>
  lagOf(said, received, isConnected, said.heardAt + silentMillis)

describe("how far an edge is behind", () => {
  it("is what it said, while it is heard or is gone; nothing, where what it spoke of has come", () => {
    assert.deepStrictEqual(lag(7, true, 2000), { lagRecordCount: 3, lagMillis: 300 })
    assert.deepStrictEqual(lag(7, false, 3_600_000), { lagRecordCount: 3, lagMillis: 300 })
    assert.deepStrictEqual(lag(10, true, 2000), { lagRecordCount: 0, lagMillis: 0 })
    assert.deepStrictEqual(lag(12, false, 3_600_000), { lagRecordCount: 0, lagMillis: 0 })
  })

  it("grows while nothing is taken of one that is connected, also where it was up to date", () => {
    assert.deepStrictEqual(lag(7, true, 60_000), { lagRecordCount: 3, lagMillis: 60_300 })
    assert.deepStrictEqual(lag(10, true, 60_000), { lagRecordCount: 0, lagMillis: 60_000 })
  })

  it("is a number, whatever an edge claims", () => {
    const { lagMillis, lagRecordCount } = lagOf(
      { ...said, lagMillis: 2n ** 64n - 1n, last: 2n ** 64n - 1n },
      0,
      false,
      0
    )
    assert.deepStrictEqual([lagMillis, lagRecordCount], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER])
  })
})
