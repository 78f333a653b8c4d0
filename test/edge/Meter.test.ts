/** How far behind its relay an edge is, and how fast, whatever becomes of its host's clock. */
import { afterEach, assert, it } from "@effect/vitest"
import { LinkState } from "../../src/edge/forwarding/LinkState.ts"
import { Meter } from "../../src/edge/forwarding/Meter.ts"
import type { Journal } from "../../src/edge/journal/Journal.ts"
import type { Spool } from "../../src/edge/spool/Spool.ts"
import * as Machine from "../../src/Machine.ts"

const day = 86_400_000
const begunAt = Date.UTC(2026, 5, 1)

const clock = { millis: 0, wallMillis: begunAt }
let restore = () => {}
afterEach(() => restore())

const metered = (isRecovered: boolean, wallMillis = begunAt) => {
  Object.assign(clock, { millis: 1000, wallMillis })
  restore = Machine.replace({
    ...Machine,
    clockMillis: () => clock.millis,
    wallMillis: () => clock.wallMillis
  })
  const about = { createdMillis: begunAt - 5000 }
  const heard = { isScanned: true, isRecovered, last: 10, received: 4, durable: 4, about }
  const journal = heard as unknown as Journal
  const spool = { heardByteCount: 0, journals: new Map([["one", journal]]) }
  const meter = new Meter(spool as unknown as Spool, new LinkState())
  const later = (millis: number, setBy: number) => {
    clock.millis += millis
    clock.wallMillis += millis + setBy
    spool.heardByteCount += millis
    meter.look()
  }
  return { meter, journal, later }
}

it.each([-day, day, -56 * 365 * day])("the clock set by %i ms meanwhile changes neither ages nor rates", (setBy) => {
  const { journal, later, meter } = metered(false)
  later(2000, setBy)
  assert.deepStrictEqual([meter.lagMillisOf(journal), meter.oldestMillisOf(journal)], [2000, 2000])
  assert.strictEqual(meter.heardBytesPerSecond, 1000)
})

it("what an earlier edge heard is as old as its session", () => {
  const { journal, later, meter } = metered(true)
  assert.strictEqual(meter.lagMillisOf(journal), 5000)
  later(1000, -day)
  assert.strictEqual(meter.lagMillisOf(journal), 6000)
})

it("as soon as what it left has been read", () => {
  const { journal, meter } = metered(true)
  const left = { ...journal, isScanned: false }
  assert.strictEqual(meter.lagMillisOf(left as Journal), 0)
  left.isScanned = true
  assert.deepStrictEqual([meter.lagMillisOf(left as Journal), meter.oldestMillisOf(left as Journal)], [5000, 5000])
})

it("and as old as it is known to be, if the clock is set only later", () => {
  const { journal, later, meter } = metered(true, 0)
  assert.strictEqual(meter.lagMillisOf(journal), 0)
  later(2000, 0)
  assert.strictEqual(meter.lagMillisOf(journal), 2000)
  later(1000, begunAt)
  assert.strictEqual(meter.lagMillisOf(journal), 8000)
  later(1000, 0)
  assert.strictEqual(meter.lagMillisOf(journal), 9000)
})

it("what was heard in 1970 is not decades old", () => {
  const { journal, later, meter } = metered(true)
  journal.about = { ...journal.about, createdMillis: 5000 }
  const again = new Meter(
    { heardByteCount: 0, journals: new Map([["one", journal]]) } as unknown as Spool,
    new LinkState()
  )
  assert.strictEqual(again.lagMillisOf(journal), 0)
  later(1000, 0)
  again.look()
  assert.strictEqual(again.lagMillisOf(journal), 1000)
  assert.isAtLeast(meter.lagMillisOf(journal), 1000)
})
