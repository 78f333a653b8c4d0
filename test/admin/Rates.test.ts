/** What the operator's page shows as rates: what changed between two answers, and nothing before the second. */
import { assert, describe, it } from "@effect/vitest"
import { Rates } from "../../src/admin/page/Rates.ts"
import type { Overview } from "../../src/admin/page/Server.ts"
import * as Values from "../../src/admin/page/Values.ts"

/** What the page reads of an answer: one session, that was created at `created`. */
const overview = (atMillis: number, byteCount: number, byteRates?: ReadonlyArray<number>, created = 1) => {
  const counts = { byteCount, packetCount: byteCount / 1000, eventsDiscarded: 0 }
  const session = { id: 1, name: "s", hostname: "h", creationTimeSeconds: created, ...counts, byteRates }
  return { atMillis, counters: counts, sessions: [session] } as unknown as Overview
}

const shown = (rates: Rates) => {
  const { bytes, packets } = rates.of(1)
  return [bytes, packets, rates.total.bytes].map((value) => Values.byteRate(value))
}

describe("rates on the page", () => {
  it("are those between two answers", () => {
    const rates = new Rates()
    rates.take(overview(1000, 5000))
    assert.deepStrictEqual(shown(rates), ["–", "–", "–"])
    rates.take(overview(3000, 25_000))
    assert.deepStrictEqual(shown(rates), ["10.0 kB/s", "10 B/s", "10.0 kB/s"])
  })

  it("are the relay's own before that, where it has them", () => {
    const rates = new Rates()
    rates.take(overview(1000, 5000, [100, 300]))
    assert.deepStrictEqual(shown(rates), ["300 B/s", "–", "–"])
    assert.deepStrictEqual(rates.of(1).spark, [100, 300])
  })

  it("are not those of the session that had the number before the relay was restarted", () => {
    const rates = new Rates()
    rates.take(overview(1000, 50_000))
    rates.take(overview(2000, 60_000, undefined, 2))
    assert.strictEqual(rates.of(1).bytes, undefined)
  })
})
