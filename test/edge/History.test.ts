/** What a relay puts down of a journal (docs/edge.md): no more than of what is open, however long that goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { closeCommands, noSeq } from "../sidebyside/commands.ts"
import * as Local from "./Local.ts"

const packetCount = 800
/** Each is put down before the next one is begun, and with it what only packets say: whose a connection is. */
const firstCount = 5
/** Commands and the first packets, twice, and what is being written in their place; all packets would be 480 KB. */
const historyBytesMax = 32 * 1024

/** Of a session with two streams or so. */
const rotationCount = 400
const restartCount = 8

const historyBytesOf = ({ output }: TestRelay.TestRelay) =>
  output
    .files()
    .filter((path) => path.startsWith(".journals/") && path.includes(".history"))
    .reduce((sum, path) => sum + (output.size(path) ?? 0), 0)

describe("a session by an edge that rotates again and again", () => {
  it.live("while streams come and go leaves little at the relay, which goes on with it whenever it was restarted", () =>
    Effect.gen(function* () {
      let scope = yield* Scope.make()
      let relay = yield* Scope.provide(TestRelay.make(), scope)
      const { leadTo, link, script } = yield* Local.recording(relay)
      const { c, d, file } = yield* script.recording({ name: "rotated", sessionId: 2 })
      const stream = yield* c.addStream()
      const metadata = yield* c.addStream({ channel: "metadata" })
      yield* c.streamsSent
      let most = 0
      for (let chunk = 1; chunk <= rotationCount; chunk++) {
        const passing = yield* c.addStream({ channel: `of_${chunk}` })
        yield* c.streamsSent
        yield* d.packet(stream, chunk - 1, 40)
        yield* c.index(stream, { seq: chunk - 1, packetSeq: chunk - 1, bytes: 40 })
        yield* c.closeStream(passing, noSeq)
        yield* c.createChunk(chunk, chunk)
        const positions = [[stream, chunk] as const, [metadata, 0] as const]
        yield* c.rotate(chunk, positions)
        yield* c.metadata(metadata, Buffer.alloc(20, "m"))
        yield* c.closeChunk(chunk - 1, chunk, closeCommands.move)
        most = Math.max(most, historyBytesOf(relay))
        if (chunk % (rotationCount / restartCount) > 0) continue
        const restarted = relay
        yield* until("the relay to have it", () => archives(restarted) === chunk)
        link.isDown = true
        link.cut()
        yield* Scope.close(scope, Exit.void)
        scope = yield* Scope.make()
        relay = yield* Scope.provide(TestRelay.make({ memory: relay.memory }), scope)
        leadTo(relay)
        link.isDown = false
      }
      assert.isBelow(most, 64 * 1024)
      yield* c.closeStream(stream, rotationCount - 1)
      yield* c.closeStream(metadata, noSeq)
      yield* c.close
      yield* d.close
      const last = relay
      yield* until("all of it", () => archives(last) === rotationCount && last.output.size(file("metadata")) !== 0)
      yield* Scope.close(scope, Exit.void)
    })
  )
})

const archives = ({ output }: TestRelay.TestRelay): number =>
  output.files().filter((path) => /rotated.*archives.*\/ch_0$/.test(path) && output.size(path) === 40).length

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
      const historyBytes = () => historyBytesOf(relay)
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
