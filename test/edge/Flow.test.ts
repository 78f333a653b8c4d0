/** When an edge holds its tracers for moments: only over a link as fast as memory that is a little behind. */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Flow } from "../../src/edge/spool/Flow.ts"

const kib = 1024
const mib = 1024 * kib

/** A link that takes so many bytes a millisecond, for `millis`; asked `later` ms afterwards. */
const holdsAfter = (rate: number, unsentBytes: number, { isScarce = false, later = 0, millis = 1000 } = {}) => {
  let now = 5000
  vi.spyOn(performance, "now").mockImplementation(() => now)
  const flow = new Flow()
  for (const end = now + millis; now < end; ) {
    now += 10
    flow.sent(10 * rate)
  }
  now += later
  return flow.holds(() => unsentBytes, isScarce)
}

describe("a tracer", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it("is held over a fast link that is more than a little behind, and less than after an outage", () => {
    const behind = [mib, 3 * mib, 4 * mib, 100 * mib, 128 * mib]
    assert.deepStrictEqual(
      behind.map((unsentBytes) => holdsAfter(300 * kib, unsentBytes)),
      [false, false, true, true, false]
    )
    assert.isTrue(holdsAfter(300 * kib, mib, { isScarce: true }))
    assert.isFalse(holdsAfter(300 * kib, 64 * kib, { isScarce: true }))
  })

  it("is never held over a slow link, however much waits", () => {
    for (const rate of [1, 10 * kib, 199 * kib]) assert.isFalse(holdsAfter(rate, 4 * mib), `${rate}`)
  })

  it("is not held by a rate that is not known yet, or was measured long ago", () => {
    assert.isFalse(holdsAfter(300 * kib, 4 * mib, { millis: 0 }))
    assert.isTrue(holdsAfter(300 * kib, 4 * mib, { later: 200 }))
    assert.isFalse(holdsAfter(300 * kib, 4 * mib, { later: 301 }))
  })

  it("is not held by what a link took in one burst after a pause", () => {
    let now = 5000
    vi.spyOn(performance, "now").mockImplementation(() => now)
    const flow = new Flow()
    for (const at of [6000, 7000]) {
      now = at
      flow.sent(1024 * mib)
      assert.isFalse(flow.holds(() => 4 * mib, false))
    }
  })
})
