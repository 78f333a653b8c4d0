/**
 * Few descriptors. A relay that has fewer than its predecessor's journals need goes on with all of them, in turns; an
 * edge lets tracers have no more of its own than leave some for its spool and its relay.
 */
import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { connectionCountMaxOf, edgePoolSizeOf, journalCountMaxOf } from "../../src/config/Descriptors.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Stoppable from "../support/stoppable.ts"
import * as Local from "./Local.ts"

it("journals have three descriptors each, of those that trace files do not need", () => {
  assert.strictEqual(journalCountMaxOf({ fdPoolSize: 1_048_566 }), 4096)
  assert.strictEqual(journalCountMaxOf({ fdPoolSize: 1014 }), 314)
  assert.strictEqual(journalCountMaxOf({ fdPoolSize: 1014, journalCountMax: 10 }), 10)
  assert.strictEqual(journalCountMaxOf({ fdPoolSize: 50 }), 1)
})

it.live("journals for which there are no descriptors wait until others have ended, and nothing is lost", () => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const { relay, restart } = yield* Stoppable.make()
    const { leadTo, link, local, script } = yield* Local.linked(relay)
    const recorded = (sessionId: number) =>
      Effect.gen(function* () {
        const { c, d, file } = yield* script.recording({ name: `s${sessionId}`, sessionId })
        const stream = yield* c.addStream()
        const packet = (seq: number) => Effect.andThen(d.packet(stream, seq, 16), c.index(stream, { seq, bytes: 16 }))
        yield* packet(0)
        yield* script.fileSize(file("ch_0"), 16)
        return { ends: Effect.all([packet(1), c.close, d.close]), path: file("ch_0") }
      })
    const sessions = yield* Effect.forEach([1, 2, 3], recorded)
    yield* Local.marked(local)
    const next = yield* restart({ journalCountMax: 1 })
    leadTo(next)
    link.cut()
    // Two as it begins, and when their edge asks.
    yield* until("two to wait", () => codes.filter((code) => code === "JOURNAL_WAITS").length === 4)
    for (const { ends } of sessions) yield* ends
    yield* local.forwarded
    yield* Local.quiet(next)
    assert.deepStrictEqual(
      sessions.map(({ path }) => next.output.size(path)),
      [32, 32, 32]
    )
    assert.notInclude(codes, "NAME_TAKEN")
    assert.notInclude(codes, "JOURNAL_UNMARKED")
  }).pipe(Effect.provide(layer))
})

it("half of an edge's descriptors are for tracers, less what a full spool has, but a quarter in any case", () => {
  const countOf = (descriptorCount: number, segmentCount: number) =>
    connectionCountMaxOf({ connectionCountMax: 4096, fdPoolSize: edgePoolSizeOf(descriptorCount, segmentCount) })
  assert.strictEqual(countOf(1_048_576, 640), 4096)
  assert.strictEqual(countOf(1072, 100), 450)
  assert.strictEqual(countOf(1072, 640), 250)
  assert.strictEqual(countOf(20, 640), 18)
})

it.live("an edge with few descriptors refuses tracers, by name, rather than take what it forwards with", () => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const local = yield* Local.start({ ...relay, descriptorCount: 112 })
    const open = Effect.acquireRelease(
      Effect.sync(() => connect(local.controlPort, "127.0.0.1").on("error", () => {})),
      (socket) => Effect.sync(() => socket.destroy())
    )
    yield* Effect.replicateEffect(open, 19)
    yield* until("one to be refused", () => codes.includes("CONNECTION_LIMIT"))
  }).pipe(Effect.provide(layer))
})

it.live("a relay that is stopped has closed what it leaves of a journal to the next one", () =>
  Effect.gen(function* () {
    const { c, local, packet, relay, stop } = yield* Local.atRelay({ files: { isImmediate: false } })
    yield* packet(0, 64)
    yield* Local.marked(local)
    yield* stop
    assert.strictEqual(relay.memory.openCount, 0)
    yield* c.close
  })
)
