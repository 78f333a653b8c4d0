/**
 * Two journals of snapshot sessions of one name: they share a directory, in which each snapshot has its own. What
 * becomes of one of them does nothing to the files of the other.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { opened, opening, record, version } from "../support/journal.ts"
import * as Stoppable from "../support/stoppable.ts"

const { join, message, none, numbers, u64 } = Commands
const { offsets, size } = OpenJournal.acknowledgement

/** The edge's own. */
const handle = 7n

/** An edge that brings a snapshot session of a tracing session; `uuid` is its session daemon's. */
const snapshots = (token: string, uuid: string) => {
  const all: Array<Buffer> = []
  const add = (kind: number, payload: Uint8Array = none, connection = 1) =>
    void all.push(record(all.length + 1, kind, payload, connection))
  const command = (number: number, payload: Uint8Array) => add(Kind.command, message(number, payload))
  add(Kind.control)
  add(Kind.command, version)
  command(
    numbers.CREATE_SESSION,
    Commands.createSession(13, { snapshot: true, sessionId: 1, uuid: uuid.padEnd(32, "0") })
  )
  add(Kind.data, none, 2)
  return {
    /** A snapshot begins: of one stream, with a packet. */
    begins: (id: number, name: string, path = "ust/uid/0/64-bit") => {
      command(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(id, Commands.start, name))
      command(numbers.ADD_STREAM, Commands.addStream(13, { path }))
      add(Kind.handle, u64(handle))
    },
    packet: (seq: number) =>
      add(Kind.packet, join(Commands.packetHeader(handle, seq, 64, 0), Commands.payload(64, seq)), 2),
    ends: (id: number, lastSeq: number) => {
      command(numbers.CLOSE_STREAM, join(u64(handle), u64(lastSeq)))
      command(numbers.CLOSE_TRACE_CHUNK, Commands.closeChunk(id, Commands.start + 1))
    },
    /** Connects, and brings what the relay does not have. */
    comes: Effect.fnUntraced(function* (relay: TestRelay.TestRelay) {
      const wire = yield* relay.wire("control")
      const { received } = yield* opened(wire, opening(token.padStart(32, "0")))
      let sent = Number(received)
      /** Until the relay has carried out all, or put down that it has. */
      const brings = (at: number = offsets.received) =>
        Effect.gen(function* () {
          yield* wire.send(join(...all.slice(sent)))
          sent = all.length
          while (Number((yield* wire.read(size)).readBigUInt64BE(at)) < sent);
        })
      return { brings, goes: wire.close }
    })
  }
}

const isTrace = (path: string) => path.endsWith("/ch_0")

/** The file of a snapshot. */
const file = (relay: TestRelay.TestRelay, name: string) =>
  relay.output.files().find((path) => isTrace(path) && path.includes(`/${name}/`)) ?? ""

const shown = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("latin1")
const read = (relay: TestRelay.TestRelay, name: string) => shown(relay.memory.read(`/traces/${file(relay, name)}`))
const whole = (...seqs: ReadonlyArray<number>) => shown(join(...seqs.map((seq) => Commands.payload(64, seq))))

const others: ReadonlyArray<[what: string, asked: string, found: string]> = [
  ["of another name", "second", "second"],
  ["of the same name", "old", "old-1"]
]

it.live.each(others)(
  "a snapshot %s is not hidden by one whose edge was away for too long, and is back",
  ([, asked, found]) =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({ suspendMillis: 50 })
      const [old, fresh] = [snapshots("1", "a"), snapshots("2", "b")]
      const before = yield* old.comes(relay)
      old.begins(0, "old")
      old.packet(0)
      yield* before.brings(offsets.durable)
      yield* before.goes
      yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
      fresh.begins(0, "first")
      fresh.packet(0)
      const live = yield* fresh.comes(relay)
      yield* live.brings(offsets.durable)

      const goOn = relay.faults.stall(`/traces/${file(relay, "old")}`)
      yield* Effect.addFinalizer(() => goOn)
      old.packet(1)
      const back = yield* Effect.forkScoped(Effect.flatMap(old.comes(relay), ({ brings }) => brings(offsets.durable)))
      yield* until("the comparison", () => relay.faults.stalledCount > 0)
      fresh.packet(1)
      fresh.ends(0, 1)
      fresh.begins(1, asked)
      fresh.packet(0)
      yield* live.brings(offsets.durable)
      assert.deepStrictEqual(read(relay, "first"), whole(0, 1))
      assert.deepStrictEqual(read(relay, found), whole(0))
      yield* goOn
      yield* Fiber.join(back)
      assert.deepStrictEqual(read(relay, "old"), whole(0, 1))
    }).pipe(Effect.scoped)
)

const names: ReadonlyArray<[what: string, busy: string, found: string]> = [
  ["of another name", "busy", "busy"],
  ["of the same name", "idle", "idle-1"]
]

it.live.each(names)(
  "a later relay changes nothing of a snapshot %s that came since the one came to rest",
  ([, busy, found]) =>
    Effect.gen(function* () {
      const { relay, restart } = yield* Stoppable.make()
      const [first, second] = [snapshots("1", "a"), snapshots("2", "b")]
      first.begins(0, "idle")
      for (const seq of [0, 1, 2]) first.packet(seq)
      yield* Effect.flatMap(first.comes(relay), ({ brings }) => brings(offsets.durable))
      second.begins(0, busy)
      second.packet(3)
      yield* Effect.flatMap(second.comes(relay), ({ brings }) => brings(offsets.durable))
      const next = yield* restart()
      assert.deepStrictEqual([read(next, "idle"), read(next, found)], [whole(0, 1, 2), whole(3)])
      for (const [journal, seq] of [
        [first, 4],
        [second, 5]
      ] as const) {
        journal.packet(seq)
        yield* Effect.flatMap(journal.comes(next), ({ brings }) => brings(offsets.durable))
      }
      assert.deepStrictEqual([read(next, "idle"), read(next, found)], [whole(0, 1, 2, 4), whole(3, 5)])
    }).pipe(Effect.scoped)
)

it.live("a later relay leaves a snapshot that came without an edge", () =>
  Effect.gen(function* () {
    const { relay, restart } = yield* Stoppable.make()
    const idle = snapshots("1", "a")
    idle.begins(0, "idle")
    idle.packet(0)
    yield* Effect.flatMap(idle.comes(relay), ({ brings }) => brings(offsets.durable))
    const { c, d } = yield* relay
      .script()
      .recording({ snapshot: true, chunk: "none", sessionId: 1, uuid: "b".repeat(32) })
    yield* c.createChunk(0, Commands.start, "direct")
    yield* d.packet(yield* c.addStream(), 0, 64)
    yield* until("its packet", () => read(relay, "direct") === whole(0))
    const next = yield* restart()
    assert.deepStrictEqual([read(next, "idle"), read(next, "direct")], [whole(0), whole(0)])
  }).pipe(Effect.scoped)
)

it.live("where another records, a snapshot of its name does not even look", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const [old, fresh] = [snapshots("1", "a"), snapshots("2", "b")]
    old.begins(0, "old")
    old.packet(0)
    yield* Effect.flatMap(old.comes(relay), ({ brings }) => brings(offsets.durable))
    const goOn = relay.faults.stall("/old/")
    yield* Effect.addFinalizer(() => goOn)
    fresh.begins(0, "old")
    yield* Effect.forkScoped(Effect.flatMap(fresh.comes(relay), ({ brings }) => brings()))
    yield* until("one of its own", () => file(relay, "old-1") !== "")
  }).pipe(Effect.scoped)
)

it.live("two journals of one tracing session have a snapshot each, whichever is gone through first", () =>
  Effect.gen(function* () {
    const { relay, restart } = yield* Stoppable.make()
    const [other, maker, second] = [snapshots("3", "a"), snapshots("2", "b"), snapshots("1", "b")]
    const first = yield* second.comes(relay)
    yield* first.brings(offsets.durable)
    other.begins(0, "same")
    for (const seq of [0, 1, 2]) other.packet(seq)
    maker.begins(0, "same")
    maker.packet(3)
    for (const each of [other, maker]) {
      yield* Effect.flatMap(each.comes(relay), ({ brings }) => brings(offsets.durable))
    }
    second.begins(0, "same", "kernel")
    second.packet(4)
    yield* first.brings(offsets.durable)
    const seen = (at: TestRelay.TestRelay) => [read(at, "same"), read(at, "same-1"), read(at, "same-2")]
    const all = [whole(0, 1, 2), whole(3), whole(4)]
    assert.deepStrictEqual(seen(relay), all)
    const next = yield* restart()
    assert.deepStrictEqual(seen(next), all)
  }).pipe(Effect.scoped)
)

const twice: ReadonlyArray<[what: string, isTaken: boolean, found: [string, string]]> = [
  ["one after the other", false, ["name", "name-1"]],
  ["of which the first found it taken, and the second did not", true, ["name-1", "name"]]
]

it.live.each(twice)("two snapshots of one name in a journal, %s, are where they were", ([, isTaken, found]) =>
  Effect.gen(function* () {
    const { relay, restart } = yield* Stoppable.make()
    const some = snapshots("1", "a")
    const edge = yield* some.comes(relay)
    some.begins(0, "before")
    some.packet(0)
    some.ends(0, 0)
    yield* edge.brings(offsets.durable)
    const left = `/traces/${file(relay, "before").replace("/before/", "/name/")}`
    if (isTaken) relay.memory.write(left, Buffer.from("left"))
    some.begins(1, "name")
    for (const seq of [1, 2]) some.packet(seq)
    some.ends(1, 2)
    yield* edge.brings(offsets.durable)
    if (isTaken) yield* relay.memory.service.unlink(left)
    some.begins(2, "name")
    some.packet(3)
    yield* edge.brings(offsets.durable)
    const seen = (at: TestRelay.TestRelay) => found.map((name) => read(at, name))
    assert.deepStrictEqual(seen(relay), [whole(1, 2), whole(3)])
    const next = yield* restart()
    assert.deepStrictEqual(seen(next), [whole(1, 2), whole(3)])
  }).pipe(Effect.scoped)
)

const ages: ReadonlyArray<[what: string, suspendMillis: number]> = [
  ["the relay was stopped", 60_000],
  ["its edge was away for too long", 50]
]

it.live.each(ages)("a snapshot that is closed, and that somebody has taken while %s, is not made again", ([, millis]) =>
  Effect.gen(function* () {
    const isExpiring = millis < 1000
    const { relay, stop } = yield* Stoppable.make({ suspendMillis: millis })
    const some = snapshots("1", "a")
    const edge = yield* some.comes(relay)
    for (const [id, name] of ["taken", "kept", "open"].entries()) {
      some.begins(id, name)
      some.packet(id)
      if (name !== "open") some.ends(id, id)
    }
    yield* edge.brings(offsets.durable)
    yield* edge.goes
    if (isExpiring) yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
    else yield* stop
    const directory = file(relay, "taken").split("/taken/")[0] ?? ""
    yield* relay.memory.service.rename(`/traces/${directory}/taken`, "/elsewhere")
    const next = isExpiring ? relay : yield* TestRelay.make({ memory: relay.memory })
    some.packet(3)
    yield* Effect.flatMap(some.comes(next), ({ brings }) => brings(offsets.durable))
    const seen = ["taken", "kept", "open"].map((name) => read(next, name))
    assert.deepStrictEqual(seen, ["", whole(1), whole(2, 3)])
    assert.lengthOf(yield* next.memory.service.list(`/traces/${directory}`), 2)
  }).pipe(Effect.scoped)
)

it.live("a snapshot that is open, and whose directory is gone, goes on, with zeros for what is missing", () =>
  Effect.gen(function* () {
    const { relay, stop } = yield* Stoppable.make()
    const some = snapshots("1", "a")
    some.begins(0, "open")
    some.packet(0)
    yield* Effect.flatMap(some.comes(relay), ({ brings }) => brings(offsets.durable))
    yield* stop
    const [directory = ""] = file(relay, "open").split("/ust/")
    yield* relay.memory.service.rename(`/traces/${directory}`, "/elsewhere")
    const next = yield* TestRelay.make({ memory: relay.memory })
    some.packet(1)
    yield* Effect.flatMap(some.comes(next), ({ brings }) => brings(offsets.durable))
    assert.strictEqual(read(next, "open"), shown(Buffer.alloc(64)) + whole(1))
  }).pipe(Effect.scoped)
)

const failures: ReadonlyArray<[what: string, isDefect: boolean]> = [
  ["fails", false],
  ["has a defect", true]
]

it.live.each(failures)("a snapshot whose directory %s has it no more", ([, isDefect]) =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const [failing, other] = [snapshots("1", "a"), snapshots("2", "b")]
    const edge = yield* failing.comes(relay)
    yield* edge.brings(offsets.durable)
    relay.faults.fail({ operation: "mkdir", path: "/name", code: "ENOTDIR", times: 1, isDefect })
    failing.begins(0, "name")
    yield* Effect.forkScoped(edge.brings())
    yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
    other.begins(0, "name")
    other.packet(0)
    yield* Effect.flatMap(other.comes(relay), ({ brings }) => brings(offsets.durable))
    assert.strictEqual(read(relay, "name"), whole(0))
  }).pipe(Effect.scoped)
)
