/**
 * What an edge answers to another one that brings it a journal, byte by byte.
 * Goal: it takes journals as a relay does, knows what it has of them, and forgets none that is asked for once more.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Latch, Result, Scope } from "effect"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { headBytes, Kind } from "../../src/protocol/journal/Record.ts"
import { viewOf } from "../../src/protocol/Struct.ts"
import type { Files, OpenFile } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { join, message, none, numbers, u64 } from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Wire from "../../src/testing/Wire.ts"
import { opening, record, version } from "../support/journal.ts"
import * as Local from "./Local.ts"

const { acknowledgement, Outcome, State } = OpenJournal

const token = "0123456789abcdef0123456789abcdef"
/** The first bytes of a journal, and what an edge says that goes on with one. */
const [one, finish] = [record(1, Kind.control), record(2, Kind.finish, none, 0)]
const forgotten = record(3, Kind.forgotten)
const nothingNew = record(0, Kind.report)

const world = Effect.gen(function* () {
  const relay = yield* TestRelay.make()
  const files = new MemoryFiles()
  const start = Local.start({ ...relay, files: files.service, goneMillisMax: 20 })
  return { relay, files, start, local: yield* start }
})

const greeted = (local: Local.Local) =>
  Effect.gen(function* () {
    const wire = yield* Wire.connect(local.controlPort, local.host)
    yield* wire.send(version)
    yield* wire.read(8)
    return wire
  })

/** Answers `state` and `received` with the connection. */
const opened = (local: Local.Local, firstKept = 1, id = token) =>
  Effect.gen(function* () {
    const wire = yield* greeted(local)
    yield* wire.send(opening(id, firstKept, "before"))
    const bytes = yield* wire.read(OpenJournal.replyBytes)
    const { received, state } = Result.getOrThrow(OpenJournal.reply(0).decode(bytes))
    const until = (outcome: OpenJournal.Outcome) =>
      Effect.gen(function* () {
        for (;;) {
          const said = acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0)
          if (said.outcome === outcome) return said
        }
      })
    /** Of what is in its spool. */
    const has = (number: number) =>
      Effect.gen(function* () {
        while (acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0).durable < number);
      })
    return { ...wire, state, received: Number(received), until, has }
  })

describe("an edge to which another one leads", () => {
  it.live("says that it takes journals, and is one", () =>
    Effect.gen(function* () {
      const { local } = yield* world
      const wire = yield* greeted(local)
      yield* wire.send(message(numbers.GET_CONFIGURATION, u64(OpenJournal.offered)))
      assert.strictEqual((yield* wire.read(12)).toString("hex"), "0000000af000000000000001")
    })
  )

  it.live("goes on over a second connection with what it has, and closes the first", () =>
    Effect.gen(function* () {
      const { local } = yield* world
      const first = yield* opened(local)
      assert.deepStrictEqual([first.state, first.received], [State.begun, 0])
      yield* first.send(one)
      yield* first.has(1)
      const second = yield* opened(local)
      assert.deepStrictEqual([second.state, second.received], [State.resumed, 1])
      yield* first.readToEnd
    })
  )

  it.live("counts what an earlier edge took as whose it is that comes with it, and what comes with that as heard", () =>
    Effect.gen(function* () {
      const { start } = yield* world
      const scope = yield* Scope.make()
      const first = yield* opened(yield* Scope.provide(start, scope))
      yield* first.send(one)
      yield* first.has(1)
      yield* Scope.close(scope, Exit.void)
      const local = yield* start
      const second = yield* opened(local)
      assert.match(local.edge.spool.journals.get(token)?.passed?.owner ?? "", /127\.0\.0\.1/)
      yield* second.send(record(2, Kind.data))
      yield* second.has(2)
      assert.strictEqual(local.edge.spool.heardByteCount, headBytes)
    })
  )

  it.live("begins anew what a power loss left nothing of, though it was asked for before that was known", () =>
    Effect.gen(function* () {
      const { files, relay, start } = yield* world
      const scope = yield* Scope.make()
      const first = yield* opened(yield* Scope.provide(start, scope))
      yield* first.send(one)
      yield* first.has(1)
      yield* Scope.close(scope, Exit.void)
      const segments = files.paths("/").filter((path) => path.endsWith(".journal"))
      assert.lengthOf(segments, 1)
      for (const path of segments) files.write(path, Buffer.alloc(14))
      const latch = Latch.makeUnsafe(false)
      const waiting = (file: OpenFile): OpenFile => ({ ...file, read: (...what) => latch.whenOpen(file.read(...what)) })
      const open: Files["Service"]["open"] = (path, mode) =>
        Effect.map(files.service.open(path, mode), (file) => (segments.includes(path) ? waiting(file) : file))
      const local = yield* Local.start({ ...relay, files: { ...files.service, open }, goneMillisMax: 20 })
      const wire = yield* greeted(local)
      yield* wire.send(opening(token, 1, "before"))
      // That has been read once what was sent after it is answered.
      yield* Effect.andThen(greeted(local), greeted(local))
      yield* latch.open
      const { state } = Result.getOrThrow(OpenJournal.reply(0).decode(yield* wire.read(OpenJournal.replyBytes)))
      assert.strictEqual(state, State.begun)
      yield* wire.send(one)
      while (acknowledgement.read(viewOf(yield* wire.read(acknowledgement.size)), 0).durable < 1);
    })
  )

  it.live("keeps nothing of numbers that nobody comes to", () =>
    Effect.gen(function* () {
      const { files, local } = yield* world
      assert.strictEqual((yield* opened(local, 2 ** 63)).state, State.unknown)
      const first = yield* opened(local, 0)
      assert.deepStrictEqual([first.state, first.received], [State.begun, 0])
      yield* first.send(record(2 ** 63, Kind.control))
      yield* first.readToEnd
      yield* local.forwarded
      assert.deepStrictEqual(files.paths("/spool"), ["/spool/"])
    })
  )

  it.live("does not keep for ever what is half said by an edge that is gone", () =>
    Effect.gen(function* () {
      const { files, local } = yield* world
      const first = yield* opened(local)
      const half = Buffer.from(message(numbers.CREATE_SESSION, Buffer.alloc(400)).subarray(0, 100))
      yield* first.send(join(one, record(2, Kind.command, half)))
      yield* first.has(2)
      yield* first.close
      yield* local.forwarded
      assert.deepStrictEqual(files.paths("/spool"), ["/spool/"])
    })
  )

  it.live("takes no record of which a bit is wrong", () =>
    Effect.gen(function* () {
      const { local } = yield* world
      const first = yield* opened(local)
      const wrong = record(2, Kind.command, Buffer.alloc(40))
      wrong[headBytes + 7] = 1
      yield* first.send(join(one, wrong))
      yield* first.readToEnd
      const second = yield* opened(local)
      assert.deepStrictEqual([second.state, second.received], [State.resumed, 1])
    })
  )

  it.live("keeps nothing of one that said nothing", () =>
    Effect.gen(function* () {
      const { files, local } = yield* world
      const first = yield* opened(local)
      yield* first.close
      yield* local.forwarded
      assert.deepStrictEqual(files.paths("/spool"), ["/spool/"])
    })
  )

  it.live("knows that one is finished until it is told that nobody asks any more, after a restart too", () =>
    Effect.gen(function* () {
      const { files, start } = yield* world
      const scope = yield* Scope.make()
      const local = yield* Scope.provide(start, scope)
      const first = yield* opened(local)
      yield* first.send(join(one, finish))
      yield* first.until(Outcome.finished)
      yield* first.close
      yield* local.forwarded
      yield* Scope.close(scope, Exit.void)
      const next = yield* start
      yield* next.forwarded
      assert.isTrue(files.paths("/spool").includes(`/spool/${token}.passed/over`))
      const second = yield* opened(next)
      assert.strictEqual(second.state, State.finished)
      // The link is lost before that is said.
      yield* second.close
      const third = yield* opened(next)
      assert.strictEqual(third.state, State.finished)
      yield* third.send(forgotten)
      yield* third.until(Outcome.forgotten)
      assert.deepStrictEqual(files.paths("/spool"), ["/spool/"])
    })
  )

  it.live("asks the relay about what began elsewhere, and says that it has ended if that does not know it either", () =>
    Effect.gen(function* () {
      const { files, local } = yield* world
      const first = yield* opened(local, 5)
      assert.deepStrictEqual([first.state, first.received], [State.begun, 4])
      yield* first.send(record(5, Kind.control))
      yield* first.until(Outcome.ended)
      yield* first.send(forgotten)
      yield* first.until(Outcome.forgotten)
      assert.isTrue(files.paths("/spool").some((path) => path.startsWith(`/spool/${token}.passed.lost/`)))
      assert.strictEqual((yield* opened(local)).state, State.unknown)
    })
  )

  it.live("takes up behind what the relay has, where it has lost that itself", () =>
    Effect.gen(function* () {
      const { local, relay } = yield* world
      const direct = yield* opened({ ...local, controlPort: relay.controlPort })
      yield* direct.send(Buffer.concat([one, ...[2, 3, 4].map((number) => record(number, Kind.data))]))
      yield* direct.has(4)
      yield* direct.close
      const first = yield* opened(local)
      yield* first.send(one)
      yield* first.has(1)
      yield* first.close
      const second = yield* opened(local, 5)
      assert.deepStrictEqual([second.state, second.received], [State.resumed, 4])
      yield* second.close
      assert.strictEqual((yield* opened(local, 9)).state, State.unknown)
    })
  )

  it.live("refuses a journal of its own tracers", () =>
    Effect.gen(function* () {
      const { local, relay } = yield* world
      const { c } = yield* Script.make(local, relay.output, () => {}).recording()
      yield* c.addStream()
      const [own = ""] = local.edge.spool.journals.keys()
      const wire = yield* greeted(local)
      yield* wire.send(opening(own, 1, "before"))
      assert.strictEqual((yield* wire.readToEnd).length, 0)
      assert.isTrue(local.edge.spool.journals.has(own))
    })
  )

  it.live(
    "lets the relay know that an edge is gone, keeps nothing of it then, and goes on when it is there again",
    () =>
      Effect.gen(function* () {
        const { files, local, relay } = yield* world
        const first = yield* opened(local)
        yield* first.send(join(one, nothingNew))
        yield* first.has(1)
        const isConnected = Effect.sync(() => local.edge.link.connectedCount === 1)
        yield* until("the relay to be told", isConnected)
        yield* first.close
        yield* until("the relay to be left", () => local.edge.link.connectedCount === 0)
        assert.strictEqual(local.edge.link.lossCount, 0)
        yield* local.forwarded
        assert.deepStrictEqual(files.paths("/spool"), ["/spool/"])
        assert.strictEqual((yield* relay.relay.sessions).length, 0)
        const second = yield* opened(local, 2)
        assert.deepStrictEqual([second.state, second.received], [State.begun, 1])
        yield* second.send(finish)
        yield* second.until(Outcome.finished)
        yield* second.send(forgotten)
        yield* second.until(Outcome.forgotten)
        yield* local.forwarded
        yield* Local.quiet(relay)
      })
  )
})
