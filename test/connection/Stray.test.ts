/** When what was put down of a journal does not lead to what is there. */
import { assert, describe, it } from "@effect/vitest"
import { Stray } from "../../src/connection/journal/Stray.ts"

const megabyte = 1024 * 1024

describe("what was put down of a journal does not lead to what is there", () => {
  it("once something of it was lost, until that is marked", () => {
    const stray = new Stray()
    assert.isFalse(stray.is)
    stray.isKnown = true
    assert.isTrue(stray.is)
    stray.refused.add(7)
    stray.marked()
    assert.isFalse(stray.is)
  })

  it("while a connection that was refused is not over at its edge, and if its tracer ended it there", () => {
    const stray = new Stray()
    stray.refused.add(7)
    stray.ended(8, false)
    assert.isTrue(stray.is)
    stray.ended(7, true)
    assert.isFalse(stray.is)
    stray.refused.add(7)
    stray.ended(7, false)
    assert.isTrue(stray.is)
  })

  it("for too long, if more has come since then than an edge keeps: what had come before does not count", () => {
    const stray = new Stray()
    stray.add(64 * megabyte + 1)
    stray.isKnown = true
    assert.isFalse(stray.isLong())
    stray.add(64 * megabyte + 1)
    assert.isTrue(stray.isLong())
    stray.marked()
    assert.isFalse(stray.isLong())
    stray.refused.add(7)
    stray.add(64 * megabyte + 1)
    stray.ended(7, true)
    stray.isKnown = true
    assert.isFalse(stray.isLong())
  })

  it.each([
    [undefined, 64],
    [1024, 64],
    [64, 8],
    [1, 4]
  ])("for too long, where an edge has %s MiB, after %s MiB", (spool, much) => {
    const stray = new Stray()
    stray.isKnown = true
    const spoolBytes = spool === undefined ? undefined : spool * megabyte
    stray.add(much * megabyte)
    assert.isFalse(stray.isLong(spoolBytes))
    stray.add(1)
    assert.isTrue(stray.isLong(spoolBytes))
  })

  it("for as long again, if it was refused what its edge has not ended", () => {
    const stray = new Stray()
    stray.refused.add(7)
    stray.add(64 * megabyte + 1)
    assert.deepStrictEqual(stray.unended(), [7])
    assert.isTrue(stray.is)
    assert.isFalse(stray.isLong())
    stray.add(64 * megabyte + 1)
    assert.deepStrictEqual(stray.unended(), [])
    assert.isTrue(stray.isLong())
  })
})
