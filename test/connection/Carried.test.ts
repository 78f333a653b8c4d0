/**
 * What an edge brings has the rights of the edge: records that no edge of ours writes name streams of others, by
 * numbers that are not translated, and do nothing to them.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { historyBytesMax } from "../../src/relay/journal/JournalHistory.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import type { Wire } from "../../src/testing/Wire.ts"
import { opened, opening, record } from "../support/journal.ts"

const only = (host: string): AccessFile => ({
  principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["here"], record: [{ host }], view: [{ host }] }]
})

const { join, message, none, numbers, u32, u64 } = Commands

type Record = readonly [kind: number, connection: number, payload: Uint8Array]

/** One after the other, numbered from 1 on. */
const records = (...all: ReadonlyArray<Record>) => recordsFrom(1, all)

const recordsFrom = (first: number, all: ReadonlyArray<Record>) =>
  join(...all.map(([kind, connection, payload], index) => record(first + index, kind, payload, connection)))

/** The connection of an edge that brings a journal of this token. */
const bringing = (relay: TestRelay.TestRelay, token: string) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    yield* opened(wire, opening(token.padStart(32, "0")))
    return wire
  })

/** Once so many records were carried out, or as far as they were taken. */
const outcome = (wire: Wire, recordCount: number) =>
  Effect.gen(function* () {
    for (;;) {
      const told = yield* wire.read(OpenJournal.acknowledgement.size)
      const outcome = told.readUInt32BE(OpenJournal.acknowledgement.offsets.outcome)
      if (outcome !== OpenJournal.Outcome.goesOn || Number(told.readBigUInt64BE(0)) >= recordCount) return outcome
    }
  })

/** Until the relay says that it has ended the journal. */
const ended = (wire: Wire) =>
  Effect.gen(function* () {
    const { offsets, size } = OpenJournal.acknowledgement
    while ((yield* wire.read(size)).readUInt32BE(offsets.outcome) !== OpenJournal.Outcome.ended);
  })

const begin = (name: string) => [
  message(numbers.VERSION, join(u32(2), u32(10))),
  message(numbers.CREATE_SESSION, Commands.createSession(10, { name, host: "web1" }))
]

it.live("a journal has so many connections at once, however many one after the other", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const outcomeOf = (token: string, all: ReadonlyArray<Record>) =>
      Effect.gen(function* () {
        const wire = yield* bringing(relay, token)
        yield* wire.send(records(...all))
        return yield* outcome(wire, all.length)
      })
    const { ended, goesOn } = OpenJournal.Outcome
    const open = (connection: number): Record => [Kind.control, connection, none]
    const end = (connection: number): Record => [Kind.end, connection, Buffer.of(0)]
    const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
    assert.strictEqual(yield* outcomeOf("1", numbersTo(256).map(open)), goesOn)
    assert.strictEqual(yield* outcomeOf("2", numbersTo(60_000).map(open)), ended)
    const turns = numbersTo(1000).flatMap((connection) => [open(connection), end(connection)])
    assert.strictEqual(yield* outcomeOf("3", turns), goesOn)
    const { incidents } = yield* relay.relay.activity
    assert.include(
      incidents.map(({ code }) => code),
      "CONNECTION_LIMIT"
    )
  })
)

it.live(
  "a journal that never comes to rest is carried out, and not put down any more, before the edge may forget it",
  () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({})
      const wire = yield* bringing(relay, "5")
      const long = message(numbers.BEGIN_DATA_PENDING, join(u64(1), Buffer.alloc(1024 * 1024)))
      const count = Math.ceil(historyBytesMax / long.length) + 8
      const bytes = records(
        [Kind.control, 1, none],
        ...begin("long").map((command): Record => [Kind.command, 1, command]),
        // A command that does not come to its end.
        [Kind.control, 2, none],
        [Kind.command, 2, long.subarray(0, 100)],
        ...Array.from({ length: count }, (): Record => [Kind.command, 1, long])
      )
      yield* Effect.forkScoped(wire.send(bytes))
      let [durable, left] = [0, 0]
      while (durable < count + 5) {
        const told = yield* wire.read(OpenJournal.acknowledgement.size)
        durable = Number(told.readBigUInt64BE(OpenJournal.acknowledgement.offsets.durable))
        if (durable < count) continue
        left = relay.output.tree().filter((line) => line.includes(".history")).length
        assert.strictEqual(left, 0)
      }
      const { incidents } = yield* relay.relay.activity
      assert.deepInclude(incidents, { code: "JOURNAL_UNMARKED", count: 1 })
      assert.strictEqual((yield* relay.relay.sessions).length, 1)
    }).pipe(Effect.scoped)
)

it.live("what is put down of a journal of commands without end stays short", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const wire = yield* bringing(relay, "7")
    const long = message(numbers.BEGIN_DATA_PENDING, join(u64(1), Buffer.alloc(1024 * 1024)))
    const each = 8
    const commands = begin("long").map((command): Record => [Kind.command, 1, command])
    const first: ReadonlyArray<Record> = [[Kind.control, 1, none], ...commands]
    yield* wire.send(records(...first))
    let [sent, most] = [first.length, 0]
    while ((sent - each) * long.length < historyBytesMax) {
      const more = Array.from({ length: each }, (): Record => [Kind.command, 1, long])
      yield* wire.send(recordsFrom(sent + 1, more))
      sent += each
      for (let durable = 0; durable < sent; ) {
        const told = yield* wire.read(OpenJournal.acknowledgement.size)
        durable = Number(told.readBigUInt64BE(OpenJournal.acknowledgement.offsets.durable))
      }
      const history = relay.output.files().find((path) => path.endsWith(".history")) ?? ""
      most = Math.max(most, relay.output.size(history) ?? Number.POSITIVE_INFINITY)
    }
    assert.isBelow(most, 64 * 1024)
    const { incidents } = yield* relay.relay.activity
    assert.notInclude(
      incidents.map(({ code }) => code),
      "JOURNAL_UNMARKED"
    )
  }).pipe(Effect.scoped)
)

it.live("journals that never come to rest have so much of the relay's memory together", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const long = message(numbers.BEGIN_DATA_PENDING, join(u64(1), Buffer.alloc(1024 * 1024)))
    const each = Math.ceil(historyBytesMax / long.length) - 24
    /** Within a command that never comes to its end: no mark can be made. */
    const restless = (token: string) =>
      Effect.gen(function* () {
        const wire = yield* bringing(relay, token)
        const all: ReadonlyArray<Record> = [
          [Kind.control, 1, none],
          ...begin(`restless${token}`).map((command): Record => [Kind.command, 1, command]),
          [Kind.control, 2, none],
          [Kind.command, 2, long.subarray(0, 100)],
          ...Array.from({ length: each }, (): Record => [Kind.command, 1, long])
        ]
        yield* Effect.forkScoped(wire.send(records(...all)))
        return yield* outcome(wire, all.length)
      })
    const tooMuch = Effect.map(relay.relay.activity, ({ incidents }) =>
      incidents.some(({ code }) => code === "JOURNAL_UNMARKED")
    )
    let count = 0
    while (!(yield* tooMuch)) {
      assert.isBelow(count++, 4)
      assert.strictEqual(yield* restless(String(count)), OpenJournal.Outcome.goesOn)
    }
    assert.isAbove(count, 1)
    assert.strictEqual((yield* relay.relay.sessions).length, count)
  })
)

it.live("of a journal whose mark cannot be written nothing is left that a later relay would go back to", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const wire = yield* bringing(relay, "6")
    relay.faults.fail({ code: "EFBIG", operation: "write", path: ".history" })
    const commands = begin("unmarked").map((command): Record => [Kind.command, 1, command])
    yield* wire.send(records([Kind.control, 1, none], ...commands))
    for (let durable = 0; durable < 3; ) {
      const told = yield* wire.read(OpenJournal.acknowledgement.size)
      durable = Number(told.readBigUInt64BE(OpenJournal.acknowledgement.offsets.durable))
    }
    assert.notInclude(relay.output.tree().join(), ".history")
    assert.strictEqual(relay.faults.openCount, 0)
    const { incidents } = yield* relay.relay.activity
    assert.deepInclude(incidents, { code: "JOURNAL_UNMARKED", count: 1 })
    assert.strictEqual((yield* relay.relay.sessions).length, 1)
  })
)

it.live("an edge names no stream but those of its own sessions, however it writes them", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: only("*") })
    const victim = yield* relay.script().recording({ name: "secret", host: "db1", chunk: 3 })
    const stream = yield* victim.c.addStream()
    yield* victim.d.packet(stream, 0, 100)
    yield* victim.c.index(stream, { seq: 0 })
    const theirs = () => relay.output.tree().filter((line) => line.startsWith("db1/"))
    yield* victim.c.dataPending(stream, 0)
    const before = theirs()
    assert.isNotEmpty(before)

    yield* relay.relay.replaceAccess(only("web*"))
    const close = message(numbers.CLOSE_STREAM, join(u64(stream), u64(0)))
    const metadata = message(numbers.SEND_METADATA, join(u64(stream), u32(0), Buffer.from("evil")))
    const index = message(numbers.SEND_INDEX, Commands.sendIndex(10, stream, { seq: 1 }))
    const packet = join(Commands.packetHeader(stream, 1, 8, 0), Buffer.alloc(8, 0x65))
    const session = (name: string): ReadonlyArray<Record> =>
      begin(name).map((bytes) => [Kind.command, 1, bytes] as const)
    const attacks: ReadonlyArray<ReadonlyArray<Record>> = [
      // A packet whose header nobody looked at, and one behind another in one record.
      [[Kind.rest, 1, packet]],
      [[Kind.packet, 1, join(Commands.packetHeader(1n, 1, 0, 0), packet)]],
      // A command that nobody looked at, one behind another, and one that is cut before the number.
      ...[index, close, metadata].flatMap((command, at): ReadonlyArray<ReadonlyArray<Record>> => {
        const pending = message(numbers.BEGIN_DATA_PENDING, u64(1))
        return [
          [...session(`rest${at}`), [Kind.rest, 1, command]],
          [...session(`behind${at}`), [Kind.command, 1, join(pending, command)]],
          [...session(`cut${at}`), [Kind.command, 1, command.subarray(0, 28)], [Kind.rest, 1, command.subarray(28)]]
        ]
      })
    ]
    for (const [at, attack] of attacks.entries()) {
      const kind = attack.length === 1 ? Kind.data : Kind.control
      const wire = yield* bringing(relay, `${at}`)
      const all: ReadonlyArray<Record> = [[kind, 1, none], ...attack]
      yield* wire.send(records(...all))
      yield* outcome(wire, all.length)
      assert.deepStrictEqual(theirs(), before, `attack ${at}`)
    }

    yield* relay.relay.replaceAccess(only("*"))
    yield* victim.d.packet(stream, 1, 100)
    yield* victim.c.index(stream, { seq: 1 })
    yield* relay.script().fileSize(victim.file("ch_0", "", "ust/uid/0/64-bit"), 200)
  })
)

it.live("a command that is in no record of its own is not carried out, and ends the journal", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const pending = message(numbers.BEGIN_DATA_PENDING, u64(1))
    const [version = none, create = none] = begin("hidden")
    const command = (bytes: Uint8Array): Record => [Kind.command, 1, bytes]
    const more = (bytes: Uint8Array): Record => [Kind.rest, 1, bytes]
    const attacks: { readonly [how: string]: ReadonlyArray<Record> } = {
      "as the rest of none": [more(create)],
      "behind one": [command(join(pending, create))],
      "behind the rest of one": [command(pending.subarray(0, 28)), more(join(pending.subarray(28), create))],
      // The second begins where the first has 8 bytes to come.
      "in one that is begun in another": [command(pending.subarray(0, 24)), command(join(none, pending, create))],
      "as a packet": [[Kind.packet, 1, create]],
      "by another kind": [[13, 1, create]],
      "less than a header": [command(create.subarray(0, 20)), more(create.subarray(20))]
    }
    for (const [at, [how, attack]] of Object.entries(attacks).entries()) {
      const wire = yield* bringing(relay, `${at}`)
      const all: ReadonlyArray<Record> = [[Kind.control, 1, none], command(version), ...attack, command(pending)]
      yield* wire.send(records(...all))
      assert.strictEqual(yield* outcome(wire, all.length), OpenJournal.Outcome.ended, how)
      assert.deepStrictEqual(yield* relay.relay.sessions, [], how)
    }
    const { incidents } = yield* relay.relay.activity
    assert.deepInclude(incidents, { code: "JOURNAL_MALFORMED", count: Object.keys(attacks).length })
  })
)

it.live("a packet in no record of its own is of no stream, least of all another's, and ends the journal", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const victim = yield* relay.script().recording({ name: "secret", host: "db1", chunk: 3 })
    const stream = yield* victim.c.addStream()
    yield* victim.d.packet(stream, 0, 100)
    yield* victim.c.index(stream, { seq: 0 })
    yield* victim.c.dataPending(stream, 0)
    const theirs = () => relay.output.tree().filter((line) => line.startsWith("db1/"))
    const before = theirs()
    const half = Buffer.alloc(4)
    const hidden = join(Commands.packetHeader(stream, 1, 8, 0), half, half)
    const own = Commands.packetHeader(7n, 1, 8, 0)
    const attacks: { readonly [how: string]: ReadonlyArray<Record> } = {
      "as the rest of none": [[Kind.rest, 2, hidden]],
      "behind one": [[Kind.packet, 2, join(own, half, half, hidden)]],
      "behind the rest of one": [
        [Kind.packet, 2, join(own, half)],
        [Kind.rest, 2, join(half, hidden)]
      ],
      "behind one that was withdrawn": [
        [Kind.packet, 2, join(own, half)],
        [Kind.withdrawn, 2, none],
        [Kind.rest, 2, hidden]
      ],
      "no packet: an end that does not say how": [[Kind.end, 2, none]]
    }
    for (const [at, [how, attack]] of Object.entries(attacks).entries()) {
      const wire = yield* bringing(relay, `${at}`)
      const all: ReadonlyArray<Record> = [
        [Kind.control, 1, none],
        ...begin(`attack${at}`).map((command): Record => [Kind.command, 1, command]),
        [Kind.command, 1, message(numbers.ADD_STREAM, Commands.addStream(10, { path: "host/session/ust" }))],
        [Kind.handle, 1, u64(7)],
        [Kind.data, 2, none],
        ...attack,
        [Kind.command, 1, message(numbers.BEGIN_DATA_PENDING, u64(1))]
      ]
      yield* wire.send(records(...all))
      assert.strictEqual(yield* outcome(wire, all.length), OpenJournal.Outcome.ended, how)
      assert.deepStrictEqual(theirs(), before, how)
    }
    const { incidents } = yield* relay.relay.activity
    assert.deepInclude(incidents, { code: "JOURNAL_MALFORMED", count: Object.keys(attacks).length })
  })
)

it.live("of a packet whose rest the edge has lost nothing is left when the next one begins", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const wire = yield* bringing(relay, "8")
    const [size, edges] = [64, 7n]
    const stream = Commands.addStream(10, { path: "host/session/ust" })
    const packet = (seq: number) => join(Commands.packetHeader(edges, seq, size, 0), Buffer.alloc(size, seq))
    const index = message(numbers.SEND_INDEX, Commands.sendIndex(10, edges, { seq: 1, bytes: size }))
    const all: ReadonlyArray<Record> = [
      [Kind.control, 1, none],
      ...begin("broken").map((command): Record => [Kind.command, 1, command]),
      [Kind.command, 1, message(numbers.ADD_STREAM, stream)],
      [Kind.handle, 1, u64(edges)],
      [Kind.data, 2, none],
      [Kind.packet, 2, packet(0).subarray(0, -size / 2)],
      [Kind.packet, 2, packet(1)],
      [Kind.command, 1, index]
    ]
    yield* wire.send(records(...all))
    assert.strictEqual(yield* outcome(wire, all.length), OpenJournal.Outcome.goesOn)
    const path = relay.output.files().find((file) => file.endsWith("/ch_0")) ?? ""
    yield* relay.script().fileSize(path, size)
    assert.deepStrictEqual(Buffer.from(relay.output.read(path) ?? []), Buffer.alloc(size, 1))
  })
)

it.live("an edge is told at once that the relay has ended its session, though it says nothing more itself", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const wire = yield* bringing(relay, "9")
    const all: ReadonlyArray<Record> = [
      [Kind.control, 1, none],
      ...begin("ended").map((command): Record => [Kind.command, 1, command])
    ]
    yield* wire.send(records(...all))
    assert.strictEqual(yield* outcome(wire, all.length), OpenJournal.Outcome.goesOn)
    const [session] = yield* relay.relay.sessions
    assert.isTrue(yield* relay.relay.endSession(session?.id ?? 0))
    yield* ended(wire)
  })
)

it.live("a connection with the number of one of a snapshot that was lost is none of that snapshot", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({})
    const wire = yield* bringing(relay, "a")
    let count = 0
    const sends = (...all: ReadonlyArray<Record>) =>
      Effect.gen(function* () {
        yield* wire.send(recordsFrom(count + 1, all))
        count += all.length
        return yield* outcome(wire, count)
      })
    const stream = (minor: number, connection: number, handle: number): ReadonlyArray<Record> => [
      [Kind.command, connection, message(numbers.ADD_STREAM, Commands.addStream(minor, { channel: `ch${handle}` }))],
      [Kind.handle, connection, u64(handle)]
    ]
    /** A session on a control connection, and a stream with that handle of the edge. */
    const session = (connection: number, handle: number): ReadonlyArray<Record> => [
      [Kind.control, connection, none],
      ...begin(`s${handle}`).map((command): Record => [Kind.command, connection, command]),
      ...stream(10, connection, handle)
    ]
    const snapshot: ReadonlyArray<Record> = [
      [Kind.control, 1, none],
      [Kind.command, 1, message(numbers.VERSION, join(u32(2), u32(13)))],
      [Kind.command, 1, message(numbers.CREATE_SESSION, Commands.createSession(13, { snapshot: true }))],
      [Kind.command, 1, message(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(0, Commands.start, "snapshot"))],
      ...stream(13, 1, 1)
    ]
    const packet = (connection: number, handle: number): Record => [
      Kind.packet,
      connection,
      join(Commands.packetHeader(BigInt(handle), 0, 8, 0), Buffer.alloc(8, 1))
    ]
    const end = (connection: number): Record => [Kind.end, connection, Buffer.of(0)]
    const lost = (fileCount: number) =>
      until("its file to fail", relay.relay.activity, ({ incidents }) =>
        incidents.some(({ code, count }) => code === "FILE_FAILED" && count === fileCount)
      )
    relay.faults.fail({ operation: "write", path: "ch1", code: "EFBIG" })
    relay.faults.fail({ operation: "write", path: "ch2", code: "EFBIG" })
    yield* sends(...snapshot, [Kind.data, 9, none], packet(9, 1))
    yield* lost(1)
    assert.strictEqual(yield* sends(end(1)), OpenJournal.Outcome.goesOn)
    yield* sends(...session(1, 2), ...session(3, 3), [Kind.data, 8, none], packet(8, 2))
    yield* lost(2)
    assert.strictEqual(yield* sends(end(3)), OpenJournal.Outcome.goesOn)
    // Of no session a connection is left, and more comes.
    yield* sends([Kind.command, 1, message(numbers.BEGIN_DATA_PENDING, u64(1))])
    yield* ended(wire)
  })
)
