/** What a relay puts down of a journal (docs/edge.md): no more than of what is open, however long that goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Local from "./Local.ts"

const packetCount = 800
/** Each is put down before the next one is begun, and with it what only packets say: whose a connection is. */
const firstCount = 5
/** Commands and the first packets, twice, and what is being written in their place; all packets would be 480 KB. */
const historyBytesMax = 32 * 1024

describe("a long session by an edge", () => {
  it.live("leaves no more at the relay than a short one", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const local = yield* Local.start({ controlPort: relay.controlPort, dataPort: relay.dataPort })
      const script = Script.make(local, relay.output, () => {})
      const { c, d, file } = yield* script.recording()
      const streams = [
        yield* c.addStream(),
        yield* c.addStream({ channel: "ch_1" }),
        yield* c.addStream({ channel: "ring", fileSize: 400, fileCount: 3 })
      ]
      const metadata = yield* c.addStream({ channel: "metadata" })
      const historyBytes = () =>
        relay.output
          .files()
          .filter((path) => path.startsWith(".journals/") && path.includes(".history"))
          .reduce((sum, path) => sum + (relay.output.size(path) ?? 0), 0)
      let most = 0
      for (let seq = 0; seq < packetCount; seq++) {
        const before = historyBytes()
        for (const stream of streams) {
          yield* d.packet(stream, seq, 40)
          yield* c.index(stream, { seq, packetSeq: seq, bytes: 40 })
        }
        if (seq % 10 === 0) yield* c.metadata(metadata, Buffer.alloc(20, "m"))
        if (seq % 7 === 0) yield* c.index(streams[0] ?? 0n, { seq: 0, bytes: 0, end: seq })
        most = Math.max(most, historyBytes())
        if (seq < firstCount) {
          yield* until("a mark", () => historyBytes() !== before)
        }
      }
      assert.isBelow(most, historyBytesMax)
      for (const stream of streams) yield* c.closeStream(stream, packetCount - 1)
      yield* c.close
      yield* d.close
      yield* local.forwarded
      yield* Local.quiet(relay)
      assert.strictEqual(relay.output.size(file("ch_1")), packetCount * 40)
    })
  )
})
