/** What a peer that always has more may bring in a time, as it is held back by a relay whose timers are late. */
import { assert, it } from "@effect/vitest"
import { TokenBucket } from "../../src/model/TokenBucket.ts"

/** Of those that a peer of that rate would bring, what it does. */
const shareOf = (bytesPerSecond: number, readShare: number, lateMillisMax: number, idleMillis: number): number => {
  let now = 1000
  const bucket = new TokenBucket(now)
  now += idleMillis
  const start = now
  let received = 0
  for (let at = 0; now - start < 2000; at++) {
    // Reads as long as `Party.readBytesMax` allows, or shorter.
    const byteCount = Math.ceil(bytesPerSecond * readShare * (1 + (at % 7)) * (1 / 7))
    received += byteCount
    const millis = bucket.take(byteCount, bytesPerSecond, now)
    if (millis > 0) now += millis + ((at * 31) % (lateMillisMax + 1))
  }
  return received / ((bytesPerSecond * (now - start)) / 1000)
}

it("a rate holds within 5 % over two seconds, whatever reads bring, and however late timers are", () => {
  for (const bytesPerSecond of [60_000, 1_000_000, 2_000_000_000])
    for (const readShare of [0.0003, 0.004, 0.02])
      for (const late of [0, 1, 40, 75]) {
        const share = shareOf(bytesPerSecond, readShare, late, 0)
        const seen = `${bytesPerSecond} ${readShare} ${late}: ${share}`
        assert.isBelow(share, 1.05, seen)
        assert.isAbove(share, 0.95, seen)
      }
})

it("a silence, however long, is made up for by a tenth of a second", () => {
  for (const idle of [100, 5000, 1e9]) assert.isBelow(shareOf(1_000_000, 0.001, 0, idle), 1.051)
})
