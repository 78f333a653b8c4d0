/** A session that its relay has no more when the edge comes again. Goal: the edge says what became of it. */
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

const packetBytes = 8192
/** So many that the edge has not all of them any more. */
const packetCount = 64
const nowhere = 1

/** What an edge says whose link is cut, and leads to the relay that `next` answers after that. */
type Next = (relay: TestRelay.TestRelay) => Effect.Effect<TestRelay.TestRelay, unknown, Scope.Scope>
const told = (next: Next) => {
  const { codes, layer, lines } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const { leadTo, link, local, packet, path, script } = yield* Local.recording(relay, { bytesMax: 1024 ** 2 })
    for (let seq = 0; seq < packetCount; seq++) yield* packet(seq, packetBytes)
    yield* script.fileSize(path, packetCount * packetBytes)
    yield* Local.marked(local)
    const first = () => [...local.edge.spool.journals.values()][0]?.segments.first ?? 1
    yield* until("the edge to have freed some of it", () => first() > 1)
    leadTo({ controlPort: nowhere })
    link.cut()
    leadTo(yield* next(relay))
    yield* until("the edge to hear of it", () => codes.includes("JOURNAL_LOST"))
    return lines[codes.indexOf("JOURNAL_LOST")]
  }).pipe(Effect.scoped, Effect.provide(layer))
}

it.live("the relay has ended it", () =>
  Effect.gen(function* () {
    const line = yield* told((relay) =>
      Effect.gen(function* () {
        const journals = Effect.map(relay.relay.counters, (counters) => counters.journals)
        yield* until("the relay to miss its edge", journals, (counts) => counts?.suspendedCount === 1)
        const [session] = yield* relay.relay.sessions
        yield* relay.relay.endSession(session?.id ?? assert.fail())
        yield* until("the end", journals, (counts) => counts?.openCount === 0)
        return relay
      })
    )
    assert.include(line, "the relay ended the session: 0 records")
  })
)

it.live("it is another relay, and what the edge has freed is gone", () =>
  Effect.gen(function* () {
    const line = yield* told(() => TestRelay.make())
    assert.match(line ?? "", /the relay does not know it, and records 1 to \d+ are not here any more/)
  })
)
