/** When a viewer looks for sessions that begin later: often where that is cheap, else seldom; each is new once. */
import { assert, describe, it } from "@effect/vitest"
import { Joining } from "../../src/viewer/Joining.ts"

const session = (id: bigint) => ({
  id,
  hostname: "host1",
  sessionName: "made",
  liveTimerMicros: 1_000_000,
  clientCount: 0,
  streamCount: 1,
  traceFormat: "ctf-1.8" as const
})

describe("sessions that begin later", () => {
  it("are looked for after each news, and twice a second without any", () => {
    const joining = new Joining([1n], 10_000)
    assert.isTrue(joining.isDue(0, false))
    joining.newAmong([session(1n)], 0, 0)
    assert.isTrue(joining.isDue(1, true))
    assert.isFalse(joining.isDue(499, false))
    assert.isTrue(joining.isDue(500, false))
  })

  for (const [lookMillis, share] of [
    [2, 1 / 20],
    [40, 1 / 5]
  ] as const) {
    it(`take ${share} of the time at most where a look takes ${lookMillis} ms`, () => {
      const joining = new Joining([], 10)
      let now = 0
      let lookedMillis = 0
      for (; now < 100_000; now++) {
        if (!joining.isDue(now, now % 3 === 0)) continue
        joining.newAmong([], now, now + lookMillis)
        lookedMillis += lookMillis
        now += lookMillis
      }
      assert.isAtMost(lookedMillis, now * share)
      assert.isAbove(lookedMillis, now * share * 0.8)
    })
  }

  it("are looked for ten times a second while there are news, unless a look takes longer than a quarter of that", () => {
    const joining = new Joining([], 10_000)
    joining.newAmong([], 0, 20)
    assert.isFalse(joining.isDue(119, true))
    assert.isTrue(joining.isDue(120, true))
  })

  it("are told once, those that are watched already never", () => {
    const joining = new Joining([1n, 2n], 100)
    assert.deepStrictEqual(joining.newAmong([session(2n), session(3n), session(1n)], 0, 1), [session(3n)])
    assert.deepStrictEqual(joining.newAmong([session(3n), session(4n)], 2, 3), [session(4n)])
    assert.deepStrictEqual(joining.newAmong([session(3n), session(4n)], 4, 5), [])
  })
})
