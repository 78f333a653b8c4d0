/** A journal has one connection: an edge that comes again, since its link broke, is not disturbed by what it left. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger, Result } from "effect"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { join, message, numbers, u32 } from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"

const token = "01234567-89ab-cdef-0123-456789abcdef"
const request = OpenJournal.request(0).encode({ token, firstKept: 1n, edgeName: "edge" })

const opened = (relay: TestRelay.TestRelay) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    yield* wire.send(join(message(numbers.VERSION, join(u32(2), u32(13))), message(OpenJournal.number, request)))
    yield* wire.read(8)
    const reply = OpenJournal.reply(0).decode(yield* wire.read(OpenJournal.replyBytes))
    return { wire, state: Result.getOrThrow(reply).state }
  })

it.live("a journal that is opened again goes on there, and its first connection ends", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const first = yield* opened(relay)
    assert.strictEqual(first.state, OpenJournal.State.begun)
    const second = yield* opened(relay)
    assert.strictEqual(second.state, OpenJournal.State.resumed)
    yield* first.wire.readToEnd
    assert.isFalse(second.wire.isClosed())
  }).pipe(Effect.provide(Logger.layer([])))
)
