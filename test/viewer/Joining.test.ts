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

  it("take a twentieth of the time at most, however long the list", () => {
    const joining = new Joining([], 10)
    let now = 0
    let lookedMillis = 0
    for (; now < 100_000; now++) {
      if (!joining.isDue(now, now % 3 === 0)) continue
      joining.newAmong([], now, now + 40)
      lookedMillis += 40
      now += 40
    }
    assert.isAtMost(lookedMillis, now / 20)
    assert.isAbove(lookedMillis, now / 25)
  })

  it("are told once, those that are watched already never", () => {
    const joining = new Joining([1n, 2n], 100)
    assert.deepStrictEqual(joining.newAmong([session(2n), session(3n), session(1n)], 0, 1), [session(3n)])
    assert.deepStrictEqual(joining.newAmong([session(3n), session(4n)], 2, 3), [session(4n)])
    assert.deepStrictEqual(joining.newAmong([session(3n), session(4n)], 4, 5), [])
  })
})
