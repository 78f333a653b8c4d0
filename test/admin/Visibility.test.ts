/** What is shown to whom some sessions are shown only: figures of the whole relay would tell of the others. */
import { assert, it } from "@effect/vitest"
import * as Visibility from "../../src/admin/Visibility.ts"

const all = {
  sessionCount: 1,
  streamCount: 2,
  viewerCount: 3,
  traceChunkCount: 4,
  packetCount: 5,
  byteCount: 6,
  eventsDiscarded: 7,
  packetsLost: 8,
  memoryBytes: 9,
  memoryBytesMax: 10,
  halvesBytes: 11,
  halvesBytesMax: 12,
  openFileCount: 13
}

it("figures are those of the sessions that are shown; bounds, which say nothing of others, are all that is left", () => {
  const nothing = { mayView: () => false, mayViewAll: false }
  const shown = Object.entries(Visibility.counters(nothing, all, [])).filter(([, count]) => count !== 0)
  assert.deepStrictEqual(Object.fromEntries(shown), { memoryBytesMax: 10, halvesBytesMax: 12 })
  assert.deepStrictEqual(Visibility.counters(Visibility.everything, all, []), all)
  const drain = { isDraining: true, sessionCount: 5 }
  assert.strictEqual(Visibility.drain(nothing, drain, []).sessionCount, 0)
  assert.deepStrictEqual(Visibility.drain(Visibility.everything, drain, []), drain)
})
