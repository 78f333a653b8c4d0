/** Numbers on the operator's page: rates are what changed between two answers, and nothing before the second. */
import { assert, describe, it } from "@effect/vitest"
import type { Line } from "../../src/admin/page/ChromeLines.ts"
import * as Quantile from "../../src/admin/page/Quantile.ts"
import { Rates } from "../../src/admin/page/Rates.ts"
import { Recent, secondsMax } from "../../src/admin/page/Recent.ts"
import type { Overview } from "../../src/admin/page/Server.ts"
import * as Values from "../../src/admin/page/Values.ts"

/** What the page reads of an answer: one session, that was created at `created`. */
const overview = (
  atMillis: number,
  byteCount: number,
  byteRates?: ReadonlyArray<number>,
  created = 1,
  upMillis = atMillis
) => {
  const counts = { byteCount, packetCount: byteCount / 1000, eventsDiscarded: 0 }
  const session = { id: 1, name: "s", hostname: "h", creationTimeSeconds: created, ...counts, byteRates }
  return { atMillis, upMillis, counters: counts, sessions: [session] } as unknown as Overview
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

  it("stay as they are until there is another answer, however often it is drawn", () => {
    const rates = new Rates()
    rates.take(overview(1000, 5000))
    const latest = overview(3000, 25_000)
    for (let count = 0; count < 3; count++) rates.take(latest)
    // The relay gives one answer several times to those who ask often.
    rates.take(overview(3000, 25_000))
    assert.deepStrictEqual(shown(rates), ["10.0 kB/s", "10 B/s", "10.0 kB/s"])
    assert.deepStrictEqual(rates.of(1).spark, [10_000])
  })

  it("are by a clock of the relay that nobody sets", () => {
    const rates = new Rates()
    rates.take(overview(1000, 5000))
    rates.take(overview(3_603_000, 25_000, undefined, 1, 3000))
    assert.deepStrictEqual(shown(rates), ["10.0 kB/s", "10 B/s", "10.0 kB/s"])
    rates.take(overview(5000, 45_000))
    assert.deepStrictEqual(shown(rates), ["10.0 kB/s", "10 B/s", "10.0 kB/s"])
    assert.deepStrictEqual(rates.of(1).spark, [10_000, 10_000])
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

describe("a number on the page", () => {
  it.each([
    [0, "0"],
    [7, "7"],
    [999, "999"],
    [999.4, "999"],
    [999.6, "1.00 k"],
    [1240, "1.24 k"],
    [9994, "9.99 k"],
    [9996, "10.0 k"],
    [99_940, "99.9 k"],
    [99_960, "100 k"],
    [999_600, "1.00 M"],
    [-1240, "−1.24 k"]
  ])("%d is %s: three figures", (value, text) => {
    assert.strictEqual(Values.count(value), text)
  })

  it("of answers' times is the end of the bucket that has the share", () => {
    // One in the bucket up to 1 µs, eight up to 4 µs, one up to 8 µs.
    const answers = { counts: [1, 0, 8, 1], sum: 40, count: 10 }
    assert.deepStrictEqual(
      [0.1, 0.5, 0.9, 0.95, 1].map((share) => Quantile.of(answers, share)),
      [1e-6, 4e-6, 4e-6, 8e-6, 8e-6]
    )
    assert.strictEqual(Quantile.of({ counts: [0, 0], sum: 0, count: 0 }, 0.5), 0)
  })
})

describe("the events that can be saved", () => {
  const line = (nanos: bigint): Line => ({ type: "event", ts: String(nanos) })
  const shownOf = (recent: Recent) => recent.lines.map(({ ts }) => Number(ts) / 1e9)

  it("are those of the last seconds of trace time, though some come late, and only events", () => {
    const recent = new Recent()
    for (let second = 1n; second <= 25n; second++) recent.add(line(second * 1_000_000_000n))
    recent.add(line(20_000_000_000n))
    recent.add({ type: "loss", ts: "1" })
    assert.strictEqual(secondsMax, 10)
    assert.deepStrictEqual(shownOf(recent), [15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 20])
    assert.strictEqual(recent.count, 12)
  })

  it("are the newest, as many as a tab can hold", () => {
    const recent = new Recent()
    for (let nanos = 1n; nanos <= 100_010n; nanos++) recent.add(line(nanos))
    assert.strictEqual(recent.count, 100_000)
    assert.deepStrictEqual([recent.lines[0], recent.lines.at(-1)], [line(11n), line(100_010n)])
  })
})
