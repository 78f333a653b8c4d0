/** A session whose edge is gone: it says so, and ends when the edge does not come back in time. */
import { dirname } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Commands from "../sidebyside/commands.ts"
import { logged } from "../support/logged.ts"
import * as Stoppable from "../support/stoppable.ts"
import { turns } from "../support/turns.ts"
import * as Local from "./Local.ts"

const begin = Effect.fnUntraced(function* (suspendMillis?: number) {
  const relay = yield* TestRelay.make(suspendMillis === undefined ? {} : { suspendMillis })
  const { link, local, packet, path, script } = yield* Local.recording(relay)
  yield* packet(0, 16)
  yield* script.fileSize(path, 16)
  const all = Effect.map(relay.relay.sessions, ([session]) => session?.edge)
  const edge = Effect.map(all, (known) => known && { ...known, spool: undefined })
  yield* until("the edge's report", all, (known) => (known?.spool?.byteCount ?? 0) > 16)
  assert.deepStrictEqual(yield* edge, { name: "here", spool: undefined })
  return { relay, link, local, edge, more: packet(1, 16), script, size: () => relay.output.size(path) }
})

/** A mark that takes as long is followed by none for a second, twenty times as long as a session waits for its edge. */
const slowMarkMillis = 60

/** More than there are timers of anything else. */
const lossCount = 40

describe("a session whose edge is gone", () => {
  it.live("is suspended until it is there again, and then has what came meanwhile", () =>
    Effect.gen(function* () {
      const { edge, link, more, size } = yield* begin()
      const before = Date.now()
      link.isDown = true
      link.cut()
      yield* until("the suspension", edge, (now) => (now?.suspendedAtMillis ?? 0) >= before)
      yield* more
      link.isDown = false
      yield* until("what came meanwhile", () => size() === 32)
      assert.deepStrictEqual(yield* edge, { name: "here", spool: undefined })
    })
  )

  it.live("is waited for once, however often its link is lost", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const { link, packet, path, script } = yield* Local.recording(relay)
      const waitCount = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
      const lostTimes = (from: number) =>
        Effect.gen(function* () {
          for (let seq = from; seq < from + lossCount; seq++) {
            yield* packet(seq, 16)
            yield* script.fileSize(path, 16 * (seq + 1))
            link.cut()
          }
        })
      yield* lostTimes(0)
      const before = waitCount()
      yield* lostTimes(lossCount)
      assert.isBelow(waitCount() - before, lossCount / 2)
    })
  )

  it.live("ends after --suspend with what came", () =>
    Effect.gen(function* () {
      const { link, relay, size } = yield* begin(200)
      link.isDown = true
      link.cut()
      yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
      assert.strictEqual(size(), 16)
    })
  )
})

const traces = (relay: TestRelay.TestRelay) => relay.output.files().filter((path) => path.endsWith("/ch_0"))

/** Its edge is away for longer than the relay waits. `meanwhile` is done just before. */
const expiredAfter = Effect.fnUntraced(function* (meanwhile: (relay: TestRelay.TestRelay, path: string) => void) {
  const { relay, stop } = yield* Stoppable.make({ suspendMillis: 50 })
  const { leadTo, link, local, packet, path, script } = yield* Local.recording(relay)
  for (const seq of [0, 1]) {
    yield* packet(seq, 16)
    yield* script.fileSize(path, 16 * (seq + 1))
    // Of the second no more is put down than where the stream is.
    yield* Local.marked(local)
  }
  meanwhile(relay, path)
  link.isDown = true
  link.cut()
  yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
  // The tracer has lost one.
  yield* packet(3, 16)
  const comes = (next: TestRelay.TestRelay) => {
    leadTo(next)
    link.isDown = false
  }
  return { relay, path, comes, stop }
})

const expired = expiredAfter(() => {})

type Done = (relay: TestRelay.TestRelay, path: string) => void

/**
 * As `expired`, when the first file of its ring was begun anew behind the last mark. `meanwhile` is done to it just
 * before, `last` to the last one when the relay has given the edge up, and not put that down yet. `isLate`: until then
 * the disk hangs with the first file.
 */
const expiredInRing = Effect.fnUntraced(function* (
  meanwhile: Done,
  fileCount = 2,
  last: Done = () => {},
  isLate = false
) {
  const relay = yield* TestRelay.make({ suspendMillis: 50 })
  const { link, local, script } = yield* Local.linked(relay)
  const { c, d, file } = yield* script.recording()
  const stream = yield* c.addStream({ fileSize: 40, fileCount })
  const packet = (seq: number, byteCount: number) =>
    Effect.andThen(d.packet(stream, seq, byteCount), c.index(stream, { seq }))
  const has = (name: string, byteCount: number) =>
    until(`${byteCount} bytes in ${name}`, () => relay.output.size(file(name)) === byteCount)
  for (let seq = 0; seq < fileCount - 1; seq++) {
    yield* packet(seq, 40)
    yield* has(`ch_0_${seq}`, 40)
  }
  yield* Local.marked(local)
  const goOn = relay.faults.stall(".history")
  yield* packet(fileCount - 1, 40)
  yield* until("the mark", () => relay.faults.stalledCount > 0)
  yield* Effect.sleep(slowMarkMillis)
  yield* goOn
  yield* Local.marked(local)
  const written = isLate ? relay.faults.stall(file("ch_0_0")) : Effect.void
  yield* packet(fileCount, 24)
  yield* isLate ? until("it to hang", () => relay.faults.stalledCount > 0) : has("ch_0_0", 24)
  meanwhile(relay, file("ch_0_0"))
  const putDown = relay.faults.stall(".expired")
  const { stalledCount } = relay.faults
  link.isDown = true
  link.cut()
  yield* until("it to be given up", () => relay.faults.stalledCount > stalledCount)
  last(relay, file(`ch_0_${fileCount - 1}`))
  yield* putDown
  yield* written
  yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
  yield* packet(fileCount + 1, 32)
  link.isDown = false
  return { relay, file, has, files: () => relay.output.files().filter((path) => /ch_0_.$/.test(path)) }
})

describe("an edge that comes after its session has ended for want of it", () => {
  for (const isRestarted of [false, true]) {
    it.live(`goes on in the same directory${isRestarted ? ", at the relay after that, too" : ""}`, () =>
      Effect.gen(function* () {
        const { comes, path, relay, stop } = yield* expired
        if (isRestarted) yield* stop
        const next = isRestarted ? yield* TestRelay.make({ memory: relay.memory }) : relay
        assert.deepStrictEqual(yield* next.relay.sessions, [])
        comes(next)
        yield* until("what came meanwhile", () => next.output.size(path) === 48)
        assert.deepStrictEqual(traces(next), [path])
        const [session, ...others] = yield* next.relay.sessions
        assert.deepStrictEqual(others, [])
        assert.deepInclude(session?.streams[0], { packetCount: 3, indexCount: 3, packetsLost: 1 })
        assert.isFalse(next.output.files().some((file) => file.endsWith(".expired")))
      })
    )
  }

  it.live("goes on with one that had no file yet, whose directory went with a relay that was killed as it came", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make({ suspendMillis: 50 })
      const { link, local, script } = yield* Local.linked(relay)
      const { c, d, file } = yield* script.recording()
      yield* Local.marked(local)
      link.isDown = true
      link.cut()
      yield* until("the end", relay.relay.sessions, (sessions) => sessions.length === 0)
      const [host = "", session = ""] = file("ch_0").split("/")
      yield* Effect.orDie(relay.memory.service.removeDirectory(`/traces/${host}/${session}`))
      link.isDown = false
      yield* until("the session", relay.relay.sessions, (sessions) => sessions.length === 1)
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, 16)
      yield* c.index(stream, { seq: 0 })
      yield* script.fileSize(file("ch_0"), 16)
      assert.strictEqual(local.edge.link.resentByteCount, 0)
    })
  )

  it.live("goes on in the same directory when a file of its ring was begun anew behind the last mark", () =>
    Effect.gen(function* () {
      const { file, files, has } = yield* expiredInRing(() => {})
      yield* has("ch_0_1", 32)
      assert.deepStrictEqual(files(), [file("ch_0_0"), file("ch_0_1")])
    })
  )

  it.live("goes on there, too, when what came last had waited for its disk until the session ended", () =>
    Effect.gen(function* () {
      const { file, files, has } = yield* expiredInRing(
        () => {},
        2,
        () => {},
        true
      )
      yield* has("ch_0_1", 32)
      assert.deepStrictEqual(files(), [file("ch_0_0"), file("ch_0_1")])
    })
  )

  it.live.each([
    ["somebody has changed the files", false],
    ["what the relay had put down is gone", true]
  ] as const)("begins anew in one beside where %s", ([, isForgotten]) =>
    Effect.gen(function* () {
      const { comes, path, relay } = yield* expired
      const history = relay.output.files().find((file) => file.endsWith(".history"))
      if (isForgotten) yield* Effect.orDie(relay.memory.service.unlink(`/traces/${history}`))
      relay.output.write(path, "shorter")
      comes(relay)
      const beside = () => traces(relay).find((other) => other !== path) ?? ""
      yield* until("all of it", () => relay.output.size(beside()) === 48)
      assert.strictEqual(relay.output.size(path), 7)
      assert.deepStrictEqual(
        relay.output.files().filter((file) => file.endsWith(".expired")),
        []
      )
    })
  )
})

describe("an expired session whose directory was removed, and is another's of the same name now", () => {
  it.live("begins anew in one beside, and the other keeps what it has", () =>
    Effect.gen(function* () {
      const { comes, path, relay } = yield* expired
      const mine = relay.memory.paths("/traces").filter((each) => each.includes(`/${path.split("/")[1]}/`))
      for (const each of mine) yield* Effect.orDie(relay.memory.service.unlink(each))
      const { c, d } = yield* relay.script().recording({ sessionId: 2, creationTime: Commands.start })
      const stream = yield* c.addStream()
      const packet = (seq: number) => Effect.andThen(d.packet(stream, seq, 64), c.index(stream, { seq, bytes: 64 }))
      yield* packet(0)
      yield* until("the other's packet", () => relay.output.size(path) === 64)
      comes(relay)
      yield* until("all of it beside", () =>
        traces(relay).some((other) => other !== path && relay.output.size(other) === 48)
      )
      yield* packet(1)
      yield* until("all of the other's", () => relay.output.size(path) === 128)
      assert.isTrue(relay.memory.read(`/traces/${path}`)?.every((byte) => byte !== 0))
    })
  )
})

describe("an expired session of which somebody had changed a file before it ended", () => {
  it.live("begins anew in one beside", () =>
    Effect.gen(function* () {
      const { comes, path, relay } = yield* expiredAfter(({ output }, path) => output.write(path, "shorter"))
      comes(relay)
      yield* until("all of it", () => traces(relay).some((other) => other !== path && relay.output.size(other) === 48))
      assert.strictEqual(relay.output.size(path), 7)
    })
  )

  it.live("begins anew in one beside though it had gone on behind the last mark", () =>
    Effect.gen(function* () {
      const { file, files } = yield* expiredInRing(({ output }, path) => output.write(path, "shorter"))
      const before = dirname(file("ch_0_0"))
      yield* until("another", () => files().filter((path) => dirname(path) !== before).length === 2)
    })
  )

  it.live("begins anew in one beside where a file of its ring that nobody wrote to was removed meanwhile", () =>
    Effect.gen(function* () {
      const removed: Done = ({ memory }, path) => Effect.runSync(Effect.orDie(memory.service.unlink(`/traces/${path}`)))
      const { file, files, relay } = yield* expiredInRing(() => {}, 3, removed)
      const before = dirname(file("ch_0_0"))
      const beside = () => files().filter((path) => dirname(path) !== before)
      yield* until("another", () => beside().length === 3)
      const [, , last = ""] = beside()
      assert.isTrue(relay.memory.read(`/traces/${last}`)?.every((byte) => byte !== 0))
    })
  )
})

describe("a session that the relay has ended", () => {
  it.live("goes nowhere from then on, which its tracer does not notice", () =>
    Effect.gen(function* () {
      const { link, local, more, relay, size } = yield* begin()
      link.isDown = true
      link.cut()
      const [session] = yield* relay.relay.sessions
      yield* relay.relay.endSession(session?.id ?? 0)
      link.isDown = false
      yield* local.forwarded
      yield* more
      yield* more
      assert.deepStrictEqual(
        local.edge.spool.losses.all.map(({ packetCount, policy }) => [policy, packetCount]),
        [["ended", 2]]
      )
      assert.strictEqual(size(), 16)
      assert.strictEqual(local.edge.spool.memory.unwrittenBytes, 0)
    })
  )
})

describe("a session that the relay has ended, and forgotten all else", () => {
  it.live("is not begun again in another directory", () =>
    Effect.gen(function* () {
      const { relay, restart } = yield* Stoppable.make()
      const { leadTo, link, local, packet, path, script } = yield* Local.recording(relay)
      yield* packet(0, 16)
      yield* script.fileSize(path, 16)
      link.isDown = true
      link.cut()
      yield* until(
        "the suspension",
        relay.relay.sessions,
        ([session]) => session?.edge?.suspendedAtMillis !== undefined
      )
      const [session] = yield* relay.relay.sessions
      yield* relay.relay.endSession(session?.id ?? 0)
      yield* until("the end", () => relay.output.files().some((path) => path.endsWith(".ended")))
      const next = yield* restart()
      leadTo(next)
      link.isDown = false
      yield* local.forwarded
      const traces = next.output.files().filter((path) => path.endsWith("/ch_0"))
      assert.strictEqual(traces.length, 1, traces.join(" "))
      assert.deepStrictEqual(yield* next.relay.sessions, [])
    })
  )
})

describe("a relay that drains", () => {
  it.live("goes on with the sessions of edges, waits for none, and begins new ones afterwards", () =>
    Effect.gen(function* () {
      const { more, relay, script, size } = yield* begin()
      const { drain } = relay.relay
      yield* drain.begin(0)
      assert.deepInclude(yield* drain.status, { sessionCount: 0, edgeSessionCount: 1 })
      yield* more
      yield* until("what came while it drains", () => size() === 32)
      const opened = Effect.map(relay.relay.connections, (all) => all.length)
      const before = yield* opened
      const { c, d, file } = yield* script.recording({ name: "later", sessionId: 2 })
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, 16)
      yield* c.index(stream, { seq: 0 })
      yield* until("the edge to open a second journal", opened, (count) => count > before)
      assert.deepStrictEqual(
        (yield* relay.relay.sessions).map(({ name }) => name),
        ["s"]
      )
      yield* drain.takeBack
      yield* script.fileSize(file("ch_0"), 16)
    })
  )
})

it.live("an edge that comes just before its older session expires begins it anew once it has ended", () => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const relay = yield* TestRelay.make({ suspendMillis: 1500 })
    const { link, script } = yield* Local.linked(relay)
    const { c, d } = yield* script.recording({ minor: 10 })
    const stream = yield* c.addStream({ path: "/h/s-20260102-030405/ust" })
    const sizes = () => {
      const files = relay.output.files().filter((path) => path.endsWith("/ch_0"))
      return files.map((path) => relay.output.size(path)).sort()
    }
    yield* d.packet(stream, 0, 16)
    yield* c.index(stream, { seq: 0 })
    yield* until("the packet to be recorded", () => `${sizes()}` === "16")
    link.isDown = true
    link.cut()
    yield* until("the suspension", () => codes.includes("JOURNAL_SUSPENDED"))
    const goOn = relay.faults.stall()
    link.isDown = false
    yield* until("its files to be looked at", () => relay.faults.stalledCount > 0)
    yield* until("the expiry", () => codes.includes("JOURNAL_EXPIRED"))
    yield* turns(20)
    yield* goOn
    yield* d.packet(stream, 1, 16)
    yield* c.index(stream, { seq: 1 })
    yield* until("all of it beside", () => `${sizes()}` === "16,32")
    assert.notInclude(codes, "JOURNAL_LOST")
  }).pipe(Effect.provide(layer))
})
