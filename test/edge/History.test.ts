/** What a relay puts down of a journal (docs/edge.md): no more than of what is open, however long that goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { closeCommands } from "../sidebyside/commands.ts"
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

const isHistory = (path: string) => path.endsWith(".history")

/** A mark takes so long when it begins that the next is not due before the end: it would wait for the files, too. */
const shortSession = (relay: TestRelay.TestRelay, script: Script.Script, sessionId: number, isArchived: boolean) =>
  Effect.gen(function* () {
    relay.faults.slow("60 millis")
    const { c, d } = yield* script.recording({ name: `session-${sessionId}`, sessionId })
    yield* until("a mark", () => relay.output.files().some((path) => isHistory(path) && relay.output.size(path) !== 0))
    relay.faults.slow(0)
    const stream = yield* c.addStream()
    yield* c.streamsSent
    yield* d.packet(stream, 0, 40)
    yield* c.index(stream, { seq: 0, packetSeq: 0, bytes: 40 })
    if (isArchived) yield* c.closeChunk(0, 1, closeCommands.move)
    yield* c.closeStream(stream, 0)
    yield* c.close
    yield* d.close
  })

describe("a session by an edge that ends with a rotation", () => {
  it.live("is remembered until its last trace chunk is where it stays", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const local = yield* Local.start({ controlPort: relay.controlPort, dataPort: relay.dataPort })
      const script = Script.make(local, relay.output, () => {})
      const histories = () => relay.output.files().filter(isHistory)
      const archived = () => relay.output.files().filter((path) => path.includes("/archives/"))
      const release = relay.faults.stall("archives")
      yield* shortSession(relay, script, 1, true)
      yield* until("the rotation", () => relay.faults.stalledCount > 0)
      const first = histories()
      const [token] = local.edge.spool.journals.keys()
      // It begins to end later, and has as much to do for that.
      yield* shortSession(relay, script, 2, false)
      const isOver = () => [...local.edge.spool.journals.keys()].every((other) => other === token)
      yield* until("the end of another one", isOver)
      assert.deepStrictEqual([histories(), archived()], [first, []])
      yield* release
      yield* local.forwarded
      yield* Local.quiet(relay)
      assert.strictEqual(archived().length, 2)
    })
  )
})
