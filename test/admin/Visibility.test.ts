/** What is shown to whom some sessions are shown only: figures of the whole relay would tell of the others. */
import { assert, it } from "@effect/vitest"
import * as Visibility from "../../src/admin/Visibility.ts"
import type { SessionStatus } from "../../src/relay/Status.ts"

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

it("an edge's spool has in it what it has of the session that is shown", () => {
  const spool = {
    byteCount: 3,
    edgeByteCount: 5,
    edgeByteCountMax: 9,
    lagRecordCount: 0,
    lagMillis: 0,
    oldestMillis: 0
  }
  const status = (name: string, edge: SessionStatus["edge"]): SessionStatus => ({
    ...{ id: 1, name, hostname: "web1", minor: 11, liveTimerMicros: 0, isSnapshot: false, outputPath: "web1" },
    ...{ creationTimeSeconds: 1, viewerCount: 0, stallCount: 0, isStalled: false, closedChannels: [], viewers: [] },
    streams: [],
    ...(edge !== undefined && { edge })
  })
  const both = [
    status("shop", { name: "edge1", spool }),
    status("audit", { name: "edge1", spool }),
    status("shop", undefined)
  ]
  const shop = {
    mayView: ({ sessionName }: { readonly sessionName: string }) => sessionName === "shop",
    mayViewAll: false
  }
  assert.deepStrictEqual(
    Visibility.sessions(shop, both).map(({ edge, name }) => [name, edge?.spool?.byteCount, edge?.spool?.edgeByteCount]),
    [
      ["shop", 3, 3],
      ["shop", undefined, undefined]
    ]
  )
  assert.strictEqual(Visibility.sessions(Visibility.everything, both)[0]?.edge?.spool?.edgeByteCount, 5)
})
