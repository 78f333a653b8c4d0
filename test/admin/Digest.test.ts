/** What a person is told of a busy relay: nothing is lost but older news of the same, and a stream keeps its order. */
import { assert, describe, it } from "@effect/vitest"
import { Digest, flushedCountMax } from "../../src/admin/Digest.ts"
import type { RelayEvent } from "../../src/relay/Events.ts"

const stored = (streamId: number, packetCount: number, sessionId = 1): RelayEvent => ({
  _tag: "PacketsStored",
  sessionId,
  streamId,
  packetCount,
  byteCount: packetCount * 4096
})
const closed = (streamId: number): RelayEvent => ({ _tag: "StreamClosed", sessionId: 1, streamId })

describe("a digest of events", () => {
  it("keeps the newest count of each stream, until it is asked, once", () => {
    const digest = new Digest()
    for (let count = 1; count <= 1000; count++) assert.isTrue(digest.keeps(stored(1 + (count % 2), count)))
    assert.deepStrictEqual(digest.flush(), [stored(2, 999), stored(1, 1000)])
    assert.deepStrictEqual(digest.flush(), [])
  })

  it("tells the last count of a stream before its end, and of a session before its", () => {
    const digest = new Digest()
    for (const event of [stored(1, 5), stored(2, 6), stored(3, 7, 9)]) digest.keeps(event)
    assert.deepStrictEqual(digest.pass(closed(2)), [stored(2, 6), closed(2)])
    const end: RelayEvent = { _tag: "SessionClosed", sessionId: 1, isAborted: false, outputPath: "h/s" }
    assert.deepStrictEqual(digest.pass(end), [stored(1, 5), end])
    assert.deepStrictEqual(digest.flush(), [stored(3, 7, 9)])
    assert.isFalse(digest.keeps(end))
  })

  it("keeps a stream's packets and its beacons, one of each", () => {
    const digest = new Digest()
    const beacon: RelayEvent = { _tag: "Beacon", sessionId: 1, streamId: 1, timestampEnd: 7n }
    for (const event of [stored(1, 5), { ...beacon, timestampEnd: 6n }, beacon]) digest.keeps(event)
    assert.deepStrictEqual(digest.flush(), [stored(1, 5), beacon])
  })

  it("lets more streams than fit take turns", () => {
    const digest = new Digest()
    const told = new Set<number>()
    const streams = Array.from({ length: 3 * flushedCountMax }, (_, at) => at + 1)
    for (const round of [1, 2, 3]) {
      for (const id of streams) digest.keeps(stored(id, round))
      const flushed = digest.flush()
      assert.lengthOf(flushed, flushedCountMax)
      for (const event of flushed) if (event._tag === "PacketsStored") told.add(event.streamId)
    }
    assert.strictEqual(told.size, streams.length)
  })
})
