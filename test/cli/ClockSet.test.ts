/** What is told of ages by a clock that is not the one they were noted by. */
import { afterEach, assert, it } from "@effect/vitest"
import type { SessionSummary } from "../../src/admin/AdminApi.ts"
import { lines } from "../../src/cli/edge/EdgeStatus.ts"
import { describeSummary } from "../../src/cli/operator/Sessions.ts"
import type { EdgeStatus } from "../../src/edge/Report.ts"
import * as Machine from "../../src/Machine.ts"

const now = Date.UTC(2027, 5, 1)
const hour = 3_600_000

let restore = () => {}
afterEach(() => restore())

const status = (atMillis: number, createdMillis: number): EdgeStatus => ({
  atMillis,
  pid: 7,
  relay: "net://relay",
  connectedCount: 0,
  lossCount: 0,
  sentByteCount: 0,
  resentByteCount: 0,
  heardByteCount: 0,
  heardBytesPerSecond: 0,
  sentBytesPerSecond: 0,
  oldestMillis: 0,
  lagMillis: 0,
  savedByteCount: 0,
  spoolBytes: 0,
  spoolBytesMax: 0,
  isFull: false,
  losses: [],
  lostPartCount: 0,
  lostParts: [],
  journals: [true, false].map((isOpen) => ({
    name: "h/s",
    createdMillis,
    isOpen,
    isScanned: true,
    byteCount: 0,
    damagedCount: 0,
    droppedPacketCount: 0,
    droppedByteCount: 0,
    heardCount: 0,
    receivedCount: 0,
    oldestMillis: 0,
    lagMillis: 0
  }))
})

const told = (wallMillis: number, ...[atMillis, createdMillis]: Parameters<typeof status>) => {
  restore = Machine.replace({ ...Machine, wallMillis: () => wallMillis })
  const all = lines(status(atMillis, createdMillis), false)
  return [all[0], ...all.slice(-2).map((line) => line.split(",")[0])]
}

it("an edge's sessions, if they began by a clock that was set, and the host's is", () => {
  const runs = "edge 7 forwards to net://relay"
  assert.deepStrictEqual(told(now, now, now - 5000), [runs, "h/s: recording since 5 s", "h/s: ended"])
  for (const createdMillis of [5000, now + hour]) {
    assert.deepStrictEqual(told(now, now, createdMillis), [runs, "h/s: recording", "h/s: ended"])
  }
})

it("an edge that has not run since the clock was set back does not count as one that runs", () => {
  assert.strictEqual(told(now, now - hour, now)[0], "no edge has run for 3600 s")
  assert.strictEqual(told(60_000, now, now)[0], "no edge has run for longer than this host's clock says")
})

it("an edge that has just ended, and so writes nothing more", () => {
  restore = Machine.replace({ ...Machine, wallMillis: () => now + 3000 })
  assert.strictEqual(lines(status(now, now), false, true)[0], "no edge has run for 3 s")
})

it("an edge that is gone, by the relay's clock", () => {
  restore = Machine.replace({ ...Machine, wallMillis: () => 0 })
  const edge = { name: "board", suspendedAtMillis: now - 30_000 }
  const session = { id: 1, hostname: "h", name: "s", liveTimerMicros: 0, streamCount: 1, viewerCount: 0, edge }
  assert.include(describeSummary(session as SessionSummary, now), "edge board gone for 30 s: suspended")
})
