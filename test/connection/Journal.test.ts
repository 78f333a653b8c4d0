/** A journal at the relay, byte by byte: its connections, and what is left of it when these are gone. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Result } from "effect"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import * as ReturnCode from "../../src/protocol/ReturnCode.ts"
import { viewOf } from "../../src/protocol/Struct.ts"
import { join, message, numbers, u32 } from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { opened as answered, ask, opening, record, version } from "../support/journal.ts"

const { acknowledgement, Outcome, State } = OpenJournal

const token = "0123456789abcdef0123456789abcdef"

const opened = (relay: TestRelay.TestRelay, firstKept = 1) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    const { state } = yield* answered(wire, opening(token, firstKept))
    const told = (what: (said: OpenJournal.Acknowledgement) => boolean) =>
      Effect.gen(function* () {
        while (!what(acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0)));
      })
    return { wire, state, told }
  })

const openCounts = ({ relay }: TestRelay.TestRelay) =>
  Effect.map(relay.counters, ({ journals }) => [journals?.openCount, journals?.suspendedCount])

const left = ({ output }: TestRelay.TestRelay) => output.files().filter((path) => path.startsWith(".journals/"))

const filesMade = (relay: TestRelay.TestRelay) =>
  until("its files", () => left(relay).some((path) => path.endsWith(".history")))

const withoutLog = Effect.provide(Logger.layer([]))

it.live("the journal that docs/extension.md shows is one, and what its edge writes", () =>
  Effect.gen(function* () {
    const text = readFileSync(new URL("../../docs/extension.md", import.meta.url), "utf8")
    const shown = (who: string) =>
      [...text.matchAll(new RegExp(`^${who} ([0-9a-f]+)$`, "gm"))].map(([, hex = ""]) => Buffer.from(hex, "hex"))
    const [request = assert.fail(), ...records] = shown(">")
    const [answer = assert.fail(), finished = assert.fail(), forgotten = assert.fail()] = shown("<")
    assert.deepStrictEqual(request, opening("000102030405060708090a0b0c0d0e0f", 1, "h1"))
    assert.deepStrictEqual(records, [
      record(0, Kind.hears, undefined, 0),
      record(1, Kind.control),
      record(2, Kind.command, message(numbers.VERSION, join(u32(2), u32(15)))),
      record(3, Kind.end, Buffer.of(0)),
      record(4, Kind.finish, undefined, 0),
      record(5, Kind.forgotten, undefined, 0)
    ])

    const relay = yield* TestRelay.make()
    const wire = yield* relay.wire("control")
    yield* ask(wire, request)
    assert.deepStrictEqual(yield* wire.read(answer.length), answer)
    const said = (bytes: Buffer) => acknowledgement.read(viewOf(bytes), 0)
    const told = (outcome: OpenJournal.Outcome) =>
      Effect.gen(function* () {
        for (;;) {
          const bytes = yield* wire.read(acknowledgement.size)
          if (said(bytes).outcome === outcome) return bytes
        }
      })
    yield* wire.send(join(...records.slice(0, -1)))
    // How much of it a relay would still ask for is its own affair.
    assert.deepStrictEqual({ ...said(yield* told(Outcome.finished)), durable: 2n }, said(finished))
    yield* wire.send(records.at(-1) ?? assert.fail())
    assert.deepStrictEqual(yield* told(Outcome.forgotten), forgotten)
    yield* wire.readToEnd
  }).pipe(withoutLog)
)

it.live("a journal that is opened again goes on there, and its first connection ends", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const first = yield* opened(relay)
    assert.strictEqual(first.state, State.begun)
    const second = yield* opened(relay)
    assert.strictEqual(second.state, State.resumed)
    yield* first.wire.readToEnd
    assert.isFalse(second.wire.isClosed())
  }).pipe(withoutLog)
)

it.live("a journal is brought by no journal, least of all by itself: that would never be gone", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const { told, wire } = yield* opened(relay)
    const commands = [version, opening(token)].map((command, index) => record(index + 2, Kind.command, command))
    yield* wire.send(join(record(1, Kind.control), ...commands))
    yield* told(({ received }) => received === 3n)
    yield* wire.close
    yield* until("its end", openCounts(relay), ([openCount]) => openCount === 0)
  }).pipe(withoutLog)
)

it.live("what comes with the request to open a journal is records of it, not one more that nobody would end", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const wire = yield* relay.wire("control")
    const other = opening("fedcba9876543210fedcba9876543210")
    yield* wire.send(join(version, opening(token), record(1, Kind.control), other))
    yield* wire.readToEnd
    yield* until("its end", openCounts(relay), ([openCount, suspendedCount]) => openCount === suspendedCount)
  }).pipe(withoutLog)
)

it.live("nothing is acknowledged before the journal is answered, however many come at once", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    for (let round = 0; round < 10; round++) {
      const tokens = Array.from({ length: 8 }, (_, index) => `${round}${index}`.padStart(32, "0"))
      const wires = yield* Effect.forEach(tokens, () => relay.wire("control"))
      const said = (index: number) => join(version, opening(tokens[index] ?? token), record(1, Kind.control))
      yield* Effect.forEach(wires, (wire, index) => wire.send(said(index)), { concurrency: "unbounded" })
      for (const wire of wires) {
        yield* wire.read(8)
        const reply = Result.getOrThrow(OpenJournal.reply(0).decode(yield* wire.read(OpenJournal.replyBytes)))
        assert.deepStrictEqual([reply.returnCode, reply.received], [ReturnCode.OK, 0n])
      }
    }
  }).pipe(withoutLog)
)

it.live(
  "an edge that asks is told what has ended a part, before it hears of the end; an earlier one hears of that alone",
  () =>
    Effect.gen(function* () {
      for (const asks of [true, false]) {
        const relay = yield* TestRelay.make()
        const { told, wire } = yield* opened(relay)
        yield* wire.send(asks ? join(record(0, Kind.hears), record(1, Kind.control)) : record(1, Kind.control))
        yield* told(({ durable }) => durable === 1n)
        yield* wire.send(record(2, 99))
        const outcomes: Array<number> = []
        yield* told(({ outcome }) => outcomes.push(outcome) > 0 && outcome >= Outcome.ended)
        if (!asks) {
          assert.strictEqual(outcomes.at(-1), Outcome.ended)
          continue
        }
        assert.strictEqual(outcomes.at(-1), Outcome.lost)
        const { byteCount } = OpenJournal.lostHead.read(viewOf(yield* wire.read(OpenJournal.lostHead.size)), 0)
        assert.strictEqual(Buffer.from(yield* wire.read(byteCount)).toString(), "JOURNAL_MALFORMED: record 2")
        yield* told(({ outcome }) => outcome === Outcome.ended)
      }
    }).pipe(withoutLog)
)

describe("a record of a kind that no edge has", () => {
  for (const kind of [0, Kind.report, Kind.packed, 13, 0xfffc, 0xfffd, 0xfffe, 0xffff]) {
    it.live(`ends the journal, also of a connection that is not open: ${kind}`, () =>
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        const { told, wire } = yield* opened(relay)
        yield* wire.send(record(1, Kind.control))
        yield* told(({ durable }) => durable === 1n)
        yield* wire.send(record(2, kind, Buffer.from("../elsewhere"), 7))
        if (kind === Kind.packed) yield* wire.readToEnd
        else yield* told(({ outcome }) => outcome === Outcome.ended)
      }).pipe(withoutLog)
    )
  }
})

it.live("a record of a connection that is not open is passed over", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const { told, wire } = yield* opened(relay)
    yield* wire.send(join(record(1, Kind.command, Buffer.from("no"), 7), record(2, Kind.control)))
    yield* told(({ durable }) => durable === 2n)
  }).pipe(withoutLog)
)

describe("a journal of which nothing has come", () => {
  it.live("is not kept when its edge is gone", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const first = yield* opened(relay)
      yield* until("its files", () => left(relay).length > 0)
      yield* first.wire.close
      yield* until("nothing to be left", () => left(relay).length === 0)
      const second = yield* opened(relay)
      assert.strictEqual(second.state, State.begun)
      yield* second.wire.send(record(1, Kind.control))
      yield* second.told(({ durable }) => durable === 1n)
      yield* second.wire.close
      assert.strictEqual((yield* opened(relay)).state, State.resumed)
    }).pipe(withoutLog)
  )

  it.live("is not kept either where its edge is gone before its files are made", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const release = relay.faults.stall(".journals")
      const first = yield* opened(relay)
      yield* until("the making of its files", () => relay.faults.stalledCount > 0)
      yield* first.wire.close
      yield* until("the suspension", openCounts(relay), ([, suspendedCount]) => suspendedCount === 1)
      yield* release
      yield* until("nothing to be left", openCounts(relay), ([openCount]) => openCount === 0)
      assert.deepStrictEqual(left(relay), [])
    }).pipe(withoutLog)
  )

  it.live("is begun anew when nothing is left of it, and not before", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const first = yield* opened(relay)
      yield* filesMade(relay)
      const release = relay.faults.stall(".history")
      yield* first.wire.close
      yield* until("its removal", () => relay.faults.stalledCount > 0)
      const wire = yield* relay.wire("control")
      yield* ask(wire, opening(token))
      yield* release
      const reply = OpenJournal.reply(0).decode(yield* wire.read(OpenJournal.replyBytes))
      assert.strictEqual(Result.getOrThrow(reply).state, State.begun)
      yield* wire.send(record(1, Kind.control))
      yield* filesMade(relay)
    }).pipe(withoutLog)
  )
})

describe("a defect", () => {
  it.live("in the removal of what is left of a journal lets it begin anew", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const first = yield* opened(relay)
      yield* filesMade(relay)
      relay.faults.fail({ code: "bug", operation: "unlink", path: ".history", isDefect: true, times: 1 })
      yield* first.wire.close
      const wire = yield* relay.wire("control")
      yield* ask(wire, opening(token))
      const reply = OpenJournal.reply(0).decode(yield* wire.read(OpenJournal.replyBytes))
      assert.strictEqual(Result.getOrThrow(reply).state, State.begun)
    }).pipe(withoutLog)
  )

  it.live("in the removal of that a journal has ended does not keep its edge waiting", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const { state, told, wire } = yield* opened(relay, 100)
      assert.strictEqual(state, State.unknown)
      relay.faults.fail({ code: "bug", operation: "unlink", path: ".finished", isDefect: true })
      yield* wire.send(record(101, Kind.forgotten))
      yield* told(({ outcome }) => outcome === Outcome.forgotten)
    }).pipe(withoutLog)
  )

  it.live("in the expiry of a journal ends its sessions all the same", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({ suspendMillis: 1 })
      relay.faults.fail({ code: "bug", operation: "open", path: ".expired", isDefect: true })
      const { told, wire } = yield* opened(relay)
      yield* wire.send(record(1, Kind.control))
      yield* told(({ durable }) => durable === 1n)
      yield* wire.close
      yield* until("nothing to be left", openCounts(relay), ([openCount]) => openCount === 0)
      assert.deepStrictEqual(left(relay), [])
    }).pipe(withoutLog)
  )

  it.live("in the marking of a journal has it go on without marks", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const first = yield* opened(relay)
      yield* filesMade(relay)
      relay.faults.fail({ code: "bug", operation: "write", path: ".history", isDefect: true, times: 1 })
      yield* first.wire.send(record(1, Kind.control))
      yield* first.told(({ durable }) => durable === 1n)
      assert.deepStrictEqual(left(relay), [])
    }).pipe(withoutLog)
  )
})

describe("a journal that its edge has freed further than the relay has it", () => {
  it.live("ends there, and is forgotten, when that edge says so", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const first = yield* opened(relay)
      yield* first.wire.send(record(1, Kind.control))
      yield* first.told(({ durable }) => durable === 1n)
      const second = yield* opened(relay, 100)
      assert.strictEqual(second.state, State.resumed)
      yield* second.wire.send(record(101, Kind.forgotten))
      yield* second.told(({ outcome }) => outcome === Outcome.forgotten)
      assert.deepStrictEqual(left(relay), [])
      assert.strictEqual((yield* opened(relay, 100)).state, State.unknown)
    }).pipe(withoutLog)
  )
})
