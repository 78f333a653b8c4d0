/**
 * A disk that hangs under the files of one journal, the output directory being on another. Goal: other journals are let
 * rest, and are gone on with, meanwhile.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { viewOf } from "../../src/protocol/Struct.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import type { Wire } from "../../src/testing/Wire.ts"
import { ask, opened, opening, record, version } from "../support/journal.ts"

const { join, message, none, numbers, u64 } = Commands
const { acknowledgement, State } = OpenJournal

const tokens = { hung: "1".padStart(32, "0"), well: "2".padStart(32, "0") }
type Host = keyof typeof tokens

const stream = 7n
const packet = join(Commands.packetHeader(stream, 0, 16, 0), Commands.payload(16, 0))

/** A session of the host, with a packet and its index. */
const recordsOf = (host: Host) => {
  const command = (number: number, payload: Uint8Array) => [Kind.command, 1, message(number, payload)] as const
  const session = { name: "s", host, sessionId: host === "hung" ? 1 : 2 }
  const all: ReadonlyArray<readonly [kind: number, connection: number, payload: Uint8Array]> = [
    [Kind.control, 1, none],
    [Kind.command, 1, version],
    command(numbers.CREATE_SESSION, Commands.createSession(13, session)),
    command(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(0, Commands.start)),
    command(numbers.ADD_STREAM, Commands.addStream(13, {})),
    [Kind.handle, 1, u64(stream)],
    [Kind.data, 2, none],
    [Kind.packet, 2, packet],
    command(numbers.SEND_INDEX, Commands.sendIndex(13, stream, { seq: 0 }))
  ]
  return all.map(([kind, connection, payload], index) => record(index + 1, kind, payload, connection))
}

const durable = (wire: Wire, count: number) =>
  Effect.gen(function* () {
    for (let done = 0; done < count; ) {
      done = Number(acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0).durable)
    }
  })

const brought = (relay: TestRelay.TestRelay, host: Host) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    yield* opened(wire, opening(tokens[host]))
    const records = recordsOf(host)
    yield* wire.send(join(...records))
    yield* durable(wire, records.length)
    return wire
  })

const isSaid = (relay: TestRelay.TestRelay, host: Host) => () =>
  relay.output.files().includes(`.journals/${tokens[host]}.expired`)

/** Its edge is gone, and it has no sessions any more. */
const atRest = (relay: TestRelay.TestRelay, host: Host) =>
  Effect.gen(function* () {
    yield* until("its end to be said", isSaid(relay, host))
    yield* until("its rest", relay.relay.sessions, (all) => all.every(({ hostname }) => hostname !== host))
  })

const goesOn = (relay: TestRelay.TestRelay, host: Host) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    const { received, state } = yield* opened(wire, opening(tokens[host]))
    assert.deepStrictEqual([state, Number(received)], [State.resumed, recordsOf(host).length])
  })

const hangs = ({ faults }: TestRelay.TestRelay) =>
  Effect.gen(function* () {
    const release = faults.stall("/traces/hung")
    yield* Effect.addFinalizer(() => release)
  })

const made = TestRelay.make({ suspendMillis: 1, files: { isImmediate: false } })

it.live("a journal is let rest, and gone on with, while another one is to rest and its disk hangs", () =>
  Effect.gen(function* () {
    const relay = yield* made
    const [hung, well] = [yield* brought(relay, "hung"), yield* brought(relay, "well")]
    yield* hangs(relay)
    const data = join(Commands.packetHeader(stream, 1, 16, 0), Commands.payload(16, 1))
    const index = message(numbers.SEND_INDEX, Commands.sendIndex(13, stream, { seq: 1 }))
    const count = recordsOf("hung").length
    yield* hung.send(join(record(count + 1, Kind.packet, data, 2), record(count + 2, Kind.command, index, 1)))
    yield* until("its write", () => relay.faults.stalledCount > 0)
    yield* hung.close
    yield* until("its end to be said", isSaid(relay, "hung"))
    yield* well.close
    yield* atRest(relay, "well")
    yield* goesOn(relay, "well")
  }).pipe(Effect.provide(Logger.layer([])))
)

it.live("a journal is gone on with while another one is to be, and its disk hangs", () =>
  Effect.gen(function* () {
    const relay = yield* made
    for (const host of ["hung", "well"] as const) {
      const wire = yield* brought(relay, host)
      yield* wire.close
      yield* atRest(relay, host)
    }
    yield* hangs(relay)
    yield* ask(yield* relay.wire("control"), opening(tokens.hung))
    yield* until("a look at its files", () => relay.faults.stalledCount > 0)
    yield* goesOn(relay, "well")
  }).pipe(Effect.provide(Logger.layer([])))
)
