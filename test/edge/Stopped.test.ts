/** A relay that is stopped while the session of an edge waits for its disk: nothing is lost, and no line says so. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import { turns } from "../support/turns.ts"
import * as Local from "./Local.ts"

const size = 64

for (const code of ["ENOSPC", "EROFS", "EIO", "ENOTCONN"]) {
  it.live(`the next relay goes on where it waited for ${code}, which is no failure`, () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const { leadTo, packet, path, relay, stop } = yield* Local.begun(size)
      relay.faults.fail({ code, operation: "write" })
      yield* packet(1, size)
      yield* until("it to wait", () => codes.includes("JOURNAL_WAITS"))
      yield* stop
      const next = yield* TestRelay.make({ memory: relay.memory })
      leadTo(next)
      yield* packet(2, size)
      yield* until("all packets", () => next.output.size(path) === 3 * size)
      assert.notInclude(codes, "FILE_FAILED")
    }).pipe(Effect.provide(layer))
  })
}

/** A session that its tracer has destroyed; a packet of it, in `path`, waits at the disk until `release` is run. */
const destroyed = Effect.gen(function* () {
  const all = yield* Local.atRelay({ files: { isImmediate: false } })
  const { c, d, local, packet, path: other, relay } = all
  const stream = yield* c.addStream({ channel: "ch_1" })
  const path = other.replace("ch_0", "ch_1")
  yield* until("the file", () => relay.output.size(path) === 0)
  yield* Local.marked(local)
  // After a mark that took long the next one begins a second later: the end is carried out before that.
  relay.faults.slow("100 millis")
  yield* packet(0, size)
  yield* Local.marked(local)
  relay.faults.slow(0)
  const release = relay.faults.stall(path)
  // Its index does not come: nothing waits for an answer, and the end is carried out.
  yield* d.packet(stream, 0, size)
  yield* c.close
  yield* d.close
  yield* Local.ended(local)
  return { ...all, path, release }
})

it.live("the next relay has what waited of a session that was destroyed meanwhile, too", () => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const { leadTo, local, path, relay, release, stop } = yield* destroyed
    relay.faults.fail({ code: "ENOSPC", operation: "write", path })
    yield* release
    yield* until("it to wait", () => codes.includes("JOURNAL_WAITS"))
    yield* stop
    const next = yield* TestRelay.make({ memory: relay.memory })
    leadTo(next)
    yield* local.forwarded
    assert.strictEqual(next.output.size(path), size)
    assert.notInclude(codes, "FILE_FAILED")
  }).pipe(Effect.provide(layer))
})

it.live("… and what the disk refused once the relay was stopping", () =>
  Effect.gen(function* () {
    const { leadTo, local, path, relay, release, stop } = yield* destroyed
    yield* until("a write", () => relay.faults.stalledCount > 0)
    const closing = yield* Effect.forkChild(stop)
    yield* until("its connections to end", relay.relay.connections, ({ length }) => length === 0)
    yield* turns(100)
    relay.faults.fail({ code: "ENOSPC", operation: "write", path })
    yield* release
    yield* Fiber.join(closing)
    const next = yield* TestRelay.make({ memory: relay.memory })
    leadTo(next)
    yield* local.forwarded
    assert.strictEqual(next.output.size(path), size)
  })
)

it.live("a relay that is stopped while it goes through what an earlier one left changes no file", () =>
  Effect.gen(function* () {
    const { c, goOnAt, local, packet, path, relay, stop } = yield* Local.atRelay()
    for (const channel of ["ch_1", "ch_2", "ch_3"]) yield* c.addStream({ channel })
    yield* packet(0, size)
    yield* until("a packet", () => relay.output.size(path) === size)
    yield* Local.marked(local)
    yield* stop
    const { memory } = relay
    const left = relay.output.tree()
    let isThere = false
    for (let count = 0; !isThere; count++) {
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkChild(Scope.provide(TestRelay.make({ memory }), scope))
      for (let turn = 0; turn < count; turn++) yield* Effect.yieldNow
      isThere = fiber.pollUnsafe() !== undefined
      yield* Fiber.interrupt(fiber)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(relay.output.tree(), left, `after ${count} turns`)
    }
    const next = yield* TestRelay.make({ memory })
    yield* goOnAt(next, size)
  })
)

it.live("what a relay that stops does to a trace chunk while it puts down a mark is known to the next one", () =>
  Effect.gen(function* () {
    const { c, goOnAt, path, relay, stop } = yield* Local.begun(size, { files: { isImmediate: false } })
    const release = relay.faults.stall(".history")
    yield* c.closeChunk(0, 1_700_000_001, 0)
    yield* until("the mark to be written", () => relay.faults.stalledCount > 0)
    const closing = yield* Effect.forkChild(stop)
    const isArchived = () => relay.output.files().some((name) => name.includes("archives/"))
    for (let turn = 0; turn < 1000 && !isArchived(); turn++) yield* Effect.yieldNow
    yield* release
    yield* Fiber.join(closing)
    const next = yield* TestRelay.make({ memory: relay.memory })
    yield* goOnAt(next, size)
    const bytes = next.memory.read(`/traces/${path}`)
    assert.strictEqual(bytes?.indexOf(0), -1)
  })
)

it.live("the file of a stream whose name another one has is there for the next relay", () => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const { c, d, leadTo, local, packet, path, relay, stop } = yield* Local.atRelay()
    const stream = yield* c.addStream({ channel: "ch_1" })
    yield* d.packet(stream, 0, size)
    yield* c.index(stream, { seq: 0 })
    yield* c.closeStream(stream, 0)
    const closed = path.replace("ch_0", "ch_1")
    yield* until("its packet", () => relay.output.size(closed) === size)
    yield* Local.marked(local)
    const left = relay.memory.read(`/traces/${closed}`)
    relay.faults.fail({ code: "ENOSPC", operation: "write", path: ".history" })
    yield* c.addStream({ channel: "ch_1" })
    yield* until("it to wait", () => codes.includes("JOURNAL_WAITS"))
    yield* stop
    const next = yield* TestRelay.make({ memory: relay.memory })
    leadTo(next)
    yield* packet(0, size)
    yield* until("what came later", () => next.output.size(path) === size)
    assert.deepStrictEqual(next.memory.read(`/traces/${closed}`), left)
  }).pipe(Effect.provide(layer))
})
