/**
 * A relay that can put nothing down of what an edge brings (`JOURNAL_UNMARKED`). Goal: the edge forgets what is in the
 * files, and no more; and what the relay had not come to is not lost without a word.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Machine from "../../src/Machine.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

const packetBytes = 8192
/** So much that the edge has not all of it any more. */
const packetCount = 64

/** The clock stands still, at a time before all marks: no other is due. */
const timeless = Effect.acquireRelease(
  Effect.sync(() => {
    const now = Machine.clockMillis() - 600_000
    return Machine.replace({ ...Machine, clockMillis: () => now })
  }),
  (restore) => Effect.sync(restore)
)

/** Some packets are at the relay, and in the files; of what comes next nothing gets there. */
const stalled = Effect.gen(function* () {
  const relay = yield* TestRelay.make({ files: { isImmediate: false } })
  relay.faults.fail({ code: "EFBIG", operation: "write", path: ".history" })
  const linked = yield* Local.linked(relay, { bytesMax: 1024 ** 2 })
  const { link, local, script } = linked
  const scope = yield* Scope.make()
  const journal = () => [...local.edge.spool.journals.values()][0]
  const { c, d, file } = yield* Scope.provide(script.recording(), scope)
  const stream = yield* c.addStream()
  const packet = (seq: number) => Effect.andThen(d.packet(stream, seq, packetBytes), c.index(stream, { seq }))
  for (let seq = 0; seq < packetCount; seq++) yield* packet(seq)
  yield* script.fileSize(file("ch_0"), packetCount * packetBytes)
  const isThere = () => journal()?.durable === journal()?.last && (journal()?.segments.first ?? 0) > 1
  yield* until("all of it to be there", isThere)
  const release = relay.faults.stall("ch_0")
  yield* Effect.addFinalizer(() => release)
  const leadTo = (next: TestRelay.TestRelay) => {
    linked.leadTo(next)
    link.cut()
  }
  const stopped = Effect.andThen(Scope.close(scope, Exit.void), Local.ended(local))
  return { journal, leadTo, link, local, more: packet(packetCount), relay, release, stopped }
})

describe("a relay that puts nothing down", () => {
  it.live("has what is in its files, and nothing else", () =>
    Effect.gen(function* () {
      const { journal, more, release } = yield* stalled
      yield* more
      yield* until("some of it to be carried out", () => (journal()?.received ?? 0) > (journal()?.durable ?? 0))
      yield* release
      yield* until("all of it to be there", () => journal()?.durable === journal()?.last)
    })
  )

  it.live("is killed: that the rest of a session is lost is said, though all of it had been carried out", () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const { leadTo, local, more, stopped } = yield* stalled
      yield* timeless
      yield* more
      yield* stopped
      leadTo(yield* TestRelay.make())
      yield* local.forwarded
      assert.include(codes, "JOURNAL_LOST")
    }).pipe(Effect.provide(layer))
  })

  it.live("remembers that it has finished a session, and the next one says so", () => {
    const { codes, layer } = logged()
    return Effect.gen(function* () {
      const { leadTo, link, local, more, relay, release, stopped } = yield* stalled
      yield* timeless
      yield* more
      yield* stopped
      link.isDown = true
      link.cut()
      yield* release
      yield* until("that to be put down", () => relay.output.files().some((path) => path.endsWith(".finished")))
      leadTo(yield* TestRelay.make({ memory: relay.memory }))
      link.isDown = false
      yield* local.forwarded
      assert.notInclude(codes, "JOURNAL_LOST")
    }).pipe(Effect.provide(layer))
  })

  it.live("remembers that it has ended a session", () =>
    Effect.gen(function* () {
      const { link, relay, release } = yield* stalled
      yield* release
      link.isDown = true
      link.cut()
      const [session] = yield* relay.relay.sessions
      yield* relay.relay.endSession(session?.id ?? 0)
      yield* until("that to be put down", () => relay.output.files().some((path) => path.endsWith(".ended")))
    })
  )

  it.live(
    "cannot remove what it has put down of a session that is over: the next one does, and does not go on with it",
    () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        const local = yield* Local.start(relay)
        const scope = yield* Scope.make()
        const script = Script.make(local, relay.output, () => {})
        const { c, d, file } = yield* Scope.provide(script.recording(), scope)
        const stream = yield* c.addStream()
        yield* Effect.andThen(d.packet(stream, 0, packetBytes), c.index(stream, { seq: 0 }))
        yield* script.fileSize(file("ch_0"), packetBytes)
        const [journal] = local.edge.spool.journals.values()
        yield* until("a mark", () => journal !== undefined && journal.durable === journal.last)
        for (const path of [".history", ".json"]) relay.faults.fail({ code: "EIO", operation: "unlink", path })
        yield* Scope.close(scope, Exit.void)
        yield* local.forwarded
        yield* until("the edge to forget it", () => local.edge.spool.journals.size === 0)
        const next = yield* TestRelay.make({ memory: relay.memory })
        assert.isEmpty(yield* next.relay.sessions)
        assert.isEmpty(next.output.files().filter((path) => path.endsWith(".history")))
      })
  )
})
