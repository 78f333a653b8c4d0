/** What a viewer may show next: order across streams, horizons, and streams that never say anything. */
import { assert, describe, it } from "@effect/vitest"
import type { Scale } from "../../src/ctf/model/Nanoseconds.ts"
import * as ViewerMerge from "../../src/viewer/ViewerMerge.ts"

const stream = (id: bigint): ViewerMerge.ViewedStream => ({
  id,
  sessionId: 1n,
  traceId: 1n,
  isMetadata: false,
  path: "ust",
  channel: `ch_${id}`
})
const state = (id: bigint, clock = () => undefined as Scale | undefined) => ViewerMerge.make(stream(id), clock, 0)
const packet = (timestampBegin: bigint, timestampEnd: bigint): ViewerMerge.PacketIndex => ({
  offset: 0n,
  packetSize: 8n,
  contentSize: 8n,
  timestampBegin,
  timestampEnd,
  eventsDiscarded: 0n,
  streamId: 0n
})

const period = 1000
const choose = (states: ReadonlyArray<ViewerMerge.DataState>, nowMillis = 0) => {
  const choice = ViewerMerge.choose(states, nowMillis, ViewerMerge.patienceOf(period, false))
  return choice._tag === "Show" ? `show ${choice.state.stream.id}` : `poll ${choice.states.map((s) => s.stream.id)}`
}

describe("merging streams", () => {
  it("asks every stream while nothing is known", () => {
    assert.strictEqual(choose([state(1n), state(2n)]), "poll 1,2")
  })

  it("holds a packet back while another stream may have an older one, and asks only that stream", () => {
    const [a, b, c] = [state(1n), state(2n), state(3n)]
    ViewerMerge.onPacket(a, packet(10n, 20n), 0)
    ViewerMerge.onInactive(b, 10n)
    assert.strictEqual(choose([a, b, c]), "poll 3")
    ViewerMerge.onInactive(c, 9n)
    assert.strictEqual(choose([a, b, c]), "poll 3")
    ViewerMerge.onInactive(c, 15n)
    assert.strictEqual(choose([a, b, c]), "show 1")
  })

  it("shows the oldest of several packets, then asks its stream before the next", () => {
    const [a, b] = [state(1n), state(2n)]
    ViewerMerge.onPacket(a, packet(30n, 40n), 0)
    ViewerMerge.onPacket(b, packet(10n, 20n), 0)
    assert.strictEqual(choose([a, b]), "show 2")
    ViewerMerge.release(b)
    assert.strictEqual(choose([a, b]), "poll 2")
    ViewerMerge.onPacket(b, packet(20n, 25n), 0)
    assert.strictEqual(choose([a, b]), "show 2")
  })

  it("shows a packet at once when the others reach beyond it", () => {
    const [a, b] = [state(1n), state(2n)]
    ViewerMerge.onPacket(a, packet(10n, 20n), 0)
    ViewerMerge.onPacket(b, packet(10n, 99n), 0)
    ViewerMerge.release(b)
    assert.strictEqual(choose([a, b]), "show 1")
  })

  it("an inactivity told twice is no news", () => {
    const a = state(1n)
    assert.isTrue(ViewerMerge.onInactive(a, 5n))
    assert.isFalse(ViewerMerge.onInactive(a, 5n))
    assert.isTrue(ViewerMerge.onInactive(a, 6n))
  })

  it("a stream that is inactive is asked like all others", () => {
    const [a, b] = [state(1n), state(2n)]
    ViewerMerge.onInactive(a, 5n)
    assert.strictEqual(choose([a, b]), "poll 1,2")
  })

  it("a horizon never goes back", () => {
    const a = state(1n)
    ViewerMerge.onInactive(a, 50n)
    ViewerMerge.onPacket(a, packet(40n, 45n), 0)
    ViewerMerge.release(a)
    assert.strictEqual(a.horizon, 50n)
  })

  it("a stream that only says retry holds nothing back for longer than three live periods", () => {
    const [a, silent] = [state(1n), state(2n)]
    ViewerMerge.onRetry(silent, 100)
    ViewerMerge.onPacket(a, packet(10n, 20n), 500)
    ViewerMerge.onRetry(silent, 3499)
    assert.strictEqual(choose([a, silent], 3499), "poll 2")
    assert.strictEqual(choose([a, silent], 3500), "show 1")
  })

  it("a stream that told its inactivity is waited for however long it takes", () => {
    const [a, slow] = [state(1n), state(2n)]
    ViewerMerge.onInactive(slow, 9n)
    ViewerMerge.onPacket(a, packet(10n, 20n), 0)
    assert.strictEqual(choose([a, slow], 1_000_000), "poll 2")
  })

  it("traces with different clocks are ordered by time, not by cycles", () => {
    const fast = state(1n, () => ({ frequency: 2_000_000_000n, offsetSeconds: 0n, offsetCycles: 0n }))
    const late = state(2n, () => ({ frequency: 1_000_000_000n, offsetSeconds: 0n, offsetCycles: 0n }))
    ViewerMerge.onPacket(fast, packet(3000n, 4000n), 0)
    ViewerMerge.onPacket(late, packet(2000n, 3000n), 0)
    assert.strictEqual(choose([fast, late]), "show 1")
  })
})
