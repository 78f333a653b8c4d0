/** What a relay puts down of a journal (docs/edge.md): no more than of what is open, however long that goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Machine from "../../src/Machine.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Commands from "../sidebyside/commands.ts"
import * as Stoppable from "../support/stoppable.ts"
import * as Local from "./Local.ts"

const packetCount = 800
/** Each is put down before the next one is begun, and with it what only packets say: whose a connection is. */
const firstCount = 5
/** Commands and the first packets, twice, and what is being written in their place; all packets would be 480 KB. */
const historyBytesMax = 32 * 1024

const begin = Effect.gen(function* () {
  const relay = yield* TestRelay.make()
  const local = yield* Local.start({ controlPort: relay.controlPort, dataPort: relay.dataPort })
  return { local, relay, script: Script.make(local, relay.output, () => {}) }
})

describe("a long session by an edge", () => {
  it.live("leaves no more at the relay than a short one", () =>
    Effect.gen(function* () {
      const { local, relay, script } = yield* begin
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

describe("a session by an edge of which little is put down any more", () => {
  it.live("is deleted by a later relay with all that an earlier one has made, closed streams included", () =>
    Effect.gen(function* () {
      const { relay, restart } = yield* Stoppable.make()
      const { c, d, leadTo, link, local, packet } = yield* Local.recording(relay)
      yield* packet(0, 40)
      const historyBytes = () => relay.output.size(relay.output.files().find(isHistory) ?? "") ?? 0
      let before = 0
      for (let count = 0; before <= historyBytes(); count++) {
        before = historyBytes()
        const stream = yield* c.addStream({ channel: `ch_${count}`, path: `ust/${count}` })
        yield* c.closeStream(stream, Commands.noSeq)
        yield* Local.marked(local)
      }
      link.isDown = true
      link.cut()
      const next = yield* restart()
      leadTo(next)
      link.isDown = false
      yield* c.closeChunk(0, 1, Commands.closeCommands.delete)
      yield* c.close
      yield* d.close
      yield* local.forwarded
      yield* Local.quiet(next)
      assert.deepStrictEqual(next.output.files(), [])
    })
  )
})

/** More than is put down before it is abridged. */
const commandCount = 400

describe("a session by an edge that is stopped and was rotated or cleared, so that it has no trace chunk", () => {
  for (const [what, close] of [
    ["rotated", Commands.closeCommands.move],
    ["cleared", Commands.closeCommands.delete]
  ] as const) {
    it.live(`goes on at a later relay once it is started again: ${what}`, () =>
      Effect.gen(function* () {
        const played = (at: Script.Script, meanwhile: Effect.Effect<void, unknown, Scope.Scope>) =>
          Effect.gen(function* () {
            const { c, d } = yield* at.recording()
            const stream = yield* c.addStream()
            yield* c.streamsSent
            const packet = (seq: number) =>
              Effect.andThen(d.packet(stream, seq, 40), c.index(stream, { seq, packetSeq: seq, bytes: 40 }))
            yield* packet(0)
            yield* c.rotate(undefined, [[stream, 1]])
            yield* c.closeChunk(0, 1, close)
            for (let count = 0; count < commandCount; count++) yield* c.streamsSent
            yield* meanwhile
            yield* c.createChunk(1, 2)
            yield* c.rotate(1, [[stream, 1]])
            yield* packet(1)
            yield* c.rotate(undefined, [[stream, 2]])
            yield* c.closeChunk(1, 3, Commands.closeCommands.move)
            yield* c.closeStream(stream, 1)
            yield* c.close
            yield* d.close
          })
        const direct = yield* TestRelay.make()
        yield* played(
          Script.make(direct, direct.output, () => {}),
          Effect.void
        )
        yield* Local.quiet(direct)
        const { relay, restart } = yield* Stoppable.make()
        const { leadTo, link, local, script } = yield* Local.linked(relay)
        const startedAgain = Effect.gen(function* () {
          yield* Local.marked(local)
          link.isDown = true
          link.cut()
          const next = yield* restart()
          leadTo(next)
          link.isDown = false
        })
        yield* played(script, startedAgain)
        yield* local.forwarded
        assert.deepStrictEqual(relay.output.tree(), direct.output.tree())
      })
    )
  }
})

/** From now on a relay's clock stands still. */
const timeless = Effect.acquireRelease(
  Effect.sync(() => {
    const now = Machine.clockMillis()
    return Machine.replace({ ...Machine, clockMillis: () => now })
  }),
  (restore) => Effect.sync(restore)
)

const recorded = ({ c, d }: Effect.Success<ReturnType<Script.Script["recording"]>>, isArchived: boolean) =>
  Effect.gen(function* () {
    const stream = yield* c.addStream()
    yield* c.streamsSent
    yield* d.packet(stream, 0, 40)
    yield* c.index(stream, { seq: 0, packetSeq: 0, bytes: 40 })
    if (isArchived) yield* c.closeChunk(0, 1, Commands.closeCommands.move)
    yield* c.closeStream(stream, 0)
    yield* c.close
    yield* d.close
  })

describe("a session by an edge that ends with a rotation", () => {
  it.live("is remembered until its last trace chunk is where it stays", () =>
    Effect.gen(function* () {
      const { local, relay, script } = yield* begin
      const histories = () => relay.output.files().filter(isHistory)
      const archived = () => relay.output.files().filter((path) => path.includes("/archives/"))
      const release = relay.faults.stall("archives")
      yield* Effect.addFinalizer(() => release)
      // A mark that is slow puts off the next one: that would wait for the rotation, and the end for the mark.
      relay.faults.slow("60 millis")
      const rotated = yield* script.recording({ sessionId: 1 })
      const { journals } = local.edge.spool
      yield* Local.marked(local)
      yield* timeless
      relay.faults.slow(0)
      yield* recorded(rotated, true)
      yield* until("the rotation", () => relay.faults.stalledCount > 0)
      const first = histories()
      const [token] = journals.keys()
      // It begins to end later, and has as much to do for that.
      yield* recorded(yield* script.recording({ name: "other", sessionId: 2 }), false)
      const isOver = () => [...journals.keys()].every((other) => other === token)
      yield* until("the end of another one", isOver)
      assert.deepStrictEqual([histories(), archived()], [first, []])
      yield* release
      yield* local.forwarded
      yield* Local.quiet(relay)
      assert.strictEqual(archived().length, 2)
    })
  )
})
