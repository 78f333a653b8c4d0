/** What first packets and beacons tell of how long a tracer takes to announce its streams. */
import { assert, describe, it } from "@effect/vitest"
import { Lead } from "../../src/model/Lead.ts"

const timerMillis = 1000
/** Of a clock in microseconds that began 5 s before the relay's. */
const clock = (millis: number) => BigInt((millis + 5000) * 1000)

/** Set up at 0 ms, announced at `announcedMillis`, sent after a period. */
const first = (announcedMillis: number, arrivedMillis = timerMillis + 3) => ({
  announcedMillis,
  arrivedMillis,
  begin: clock(0),
  end: clock(timerMillis),
  cyclesPerMilli: 1000
})

const made = () => new Lead(timerMillis * 1000)

describe("lead", () => {
  it("is half as much again as it took to announce a stream, once a beacon shows that the tracer sends at once", () => {
    const lead = made()
    lead.see(first(603))
    assert.deepStrictEqual([lead.packetMillis, lead.holdMillis], [0, 500])
    lead.prove(clock(2000), 2010)
    assert.deepStrictEqual([lead.packetMillis, lead.holdMillis], [900, 900])
  })

  it("is that of the slowest of the last 32 streams", () => {
    const lead = made()
    const announce = (announcedMillis: number) => {
      lead.see(first(announcedMillis))
      lead.prove(clock(2000), 2010)
    }
    for (const millis of [203, 603, ...Array.from({ length: 31 }, () => 103)]) announce(millis)
    assert.strictEqual(lead.packetMillis, 900)
    announce(103)
    assert.deepStrictEqual([lead.packetMillis, lead.holdMillis], [150, 500])
  })

  it("is half a live timer for beacons before anything was seen, within bounds, and nothing for packets", () => {
    const holds = [10, 300, 1000, 10_000].map((millis) => new Lead(millis * 1000).holdMillis)
    assert.deepStrictEqual(holds, [100, 150, 500, 1000])
    assert.strictEqual(made().packetMillis, 0)
    const shortHolds = [1, 10, 100].map((millis) => new Lead(millis * 1000).shortHoldMillis)
    assert.deepStrictEqual(shortHolds, [2, 4, 20])
  })

  it.each([
    ["comes faster than its clock goes", first(3, 6), clock(2000), 10],
    ["waited for its network with what came before it", first(3000, 3004), clock(2000), 3050],
    ["is of another clock", first(603), 2_000_000n, 2010],
    ["took longer than viewers would wait", first(2000, 1003), clock(2000), 2010]
  ])("is nothing where what %s", (_, packet, beacon, nowMillis) => {
    const lead = made()
    lead.see(packet)
    lead.prove(beacon, nowMillis)
    assert.deepStrictEqual([lead.packetMillis, lead.holdMillis], [0, 500])
  })
})
