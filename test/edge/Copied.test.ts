/** Somebody copies a spool while its edge runs, for another edge: that brings the end, and no tracer waits for ever. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { none } from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Journal from "../support/journal.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"

const packetBytes = 16

/** Another edge says that nothing more comes, and goes before it has heard that the relay has finished. */
const ended = (relay: TestRelay.TestRelay, token: string, number: number) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    yield* Journal.opened(wire, Journal.opening(token, 1, "other"))
    yield* wire.send(Journal.record(number, Kind.finish, none, 0))
    yield* until("the session to end", relay.relay.sessions, (sessions) => sessions.length === 0)
  }).pipe(Effect.scoped)

it.live("a session that another edge has ended goes nowhere, which its tracer does not notice, and is told", () => {
  const { codes, layer, lines } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const { link, local, packet, path } = yield* Local.recording(relay)
    yield* packet(0, packetBytes)
    yield* until("the packet", () => relay.output.size(path) === packetBytes)
    const [journal = assert.fail()] = local.edge.spool.journals.values()
    yield* until("all of it to be carried out", () => journal.received === journal.last)
    link.isDown = true
    link.cut()
    yield* ended(relay, journal.token, journal.last + 1)
    yield* packet(1, packetBytes)
    link.isDown = false
    yield* local.forwarded
    assert.include(codes, "JOURNAL_LOST")
    // The line says where it lies, and not so much that its reader could go on with it.
    const told = lines[codes.indexOf("JOURNAL_LOST")]
    assert.include(told, `/${journal.token.slice(0, 8)}…`)
    assert.notInclude(told, journal.token)
    for (const seq of [2, 3]) yield* packet(seq, packetBytes)
    assert.strictEqual(relay.output.size(path), packetBytes)
  }).pipe(Effect.provide(layer))
})
