/**
 * What a party may not see is to it as if it were not there: the same questions, with the true numbers and names of
 * others' sessions in them, to a relay that has those sessions and to one that has not, get the same answers.
 */
import { randomUUID } from "node:crypto"
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import { Kind } from "../../src/protocol/journal/Record.ts"
import { viewOf } from "../../src/protocol/Struct.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import * as Viewers from "../live/viewer.ts"
import * as Journal from "../support/journal.ts"

const access: AccessFile = {
  principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["here"], record: [{ host: "web1", session: "shop*" }], view: [{ session: "shop*" }] }]
}

/** What somebody else has. */
interface Others {
  readonly directory: string
  readonly sessionIds: ReadonlyArray<bigint>
  readonly handles: ReadonlyArray<bigint>
}

const uuid = "00112233445566778899aabbccddeeff"

/** As long as the scope is open. */
const record = (relay: TestRelay.TestRelay): Effect.Effect<Others, never, Scope.Scope> =>
  Effect.gen(function* () {
    const script = relay.script()
    const sessionIds: Array<bigint> = []
    const handles: Array<bigint> = []
    let directory = ""
    for (const liveTimer of [0, 1_000_000]) {
      const named = { name: "billing", host: "web1", liveTimer, uuid, sessionId: 7 + liveTimer }
      const { c, d, session } = yield* script.recording(named)
      const stream = yield* c.addStream({ channel: "ch_0" })
      yield* c.streamsSent
      yield* c.index(stream, { seq: 0 })
      yield* d.packet(stream, 0)
      directory ||= session.path.replace("web1/", "")
      sessionIds.push(session.id)
      handles.push(stream)
    }
    yield* script.fileSize(`web1/${directory}/ust/uid/0/64-bit/ch_0`, 16)
    return { directory, sessionIds, handles }
  })

const { join, none, u32, u64 } = Commands

const questionsOf = (id: bigint): ReadonlyArray<readonly [Commands.Name, Uint8Array]> => [
  ["SEND_INDEX", Commands.sendIndex(13, id, { seq: 1 })],
  ["SEND_METADATA", join(u64(id), u32(0), Buffer.from("x"))],
  ["RESET_METADATA", join(u64(id), u64(1))],
  ["CLOSE_STREAM", join(u64(id), u64(0))],
  ["DATA_PENDING", join(u64(id), u64(0))],
  ["QUIESCENT_CONTROL", u64(id)],
  ["BEGIN_DATA_PENDING", u64(id)],
  ["END_DATA_PENDING", u64(id)],
  ["ROTATE_STREAMS", Commands.rotateStreams(0, [[id, 1]])],
  ["ROTATE_STREAMS", Commands.rotateStreams(undefined, [[id, 1]])]
]

/** All that a target can ask about others' things; each that ends its connection has one of its own. */
const asTarget = (relay: TestRelay.TestRelay, { directory, handles, sessionIds }: Others, own: Set<bigint>) => {
  const lines: Array<string> = []
  const note = (line: string) => void lines.push(line)
  const script = relay.script(note)
  const begin = (options: Commands.Session = {}, minor = 13) =>
    Effect.gen(function* () {
      const recording = yield* script.recording({ minor, chunk: 0, name: "shop", host: "web1", ...options })
      own.add(recording.session.id)
      return recording
    })
  return Effect.gen(function* () {
    const places = [
      directory,
      `./${directory}`,
      `${directory}/`,
      `${directory}/ust/uid/0/64-bit`,
      `${directory}/ust/uid/0/64-bit/ch_0`,
      `${directory}/none`,
      ".",
      "./",
      `shop/../${directory}`
    ]
    for (const [index, basePath] of places.entries()) {
      note(`into ${basePath}`)
      const c = yield* script.control
      yield* c.version(13)
      const payload = Commands.createSession(13, { name: "shop", host: "web1", basePath, sessionId: 50 + index })
      yield* c.insist("CREATE_SESSION", payload, 16)
      const old = yield* begin({ sessionId: 100 + index }, 10)
      for (const path of [`/web1/${basePath}`, `web1//${basePath}/ust`, `./web1/./${basePath}/ust/uid/0/64-bit`])
        own.add(yield* old.c.addStream({ channel: "ch_0", path }))
      yield* old.c.alive
      yield* old.c.close
    }
    note("streams and sessions")
    for (const id of [...handles, ...sessionIds, 999n]) {
      for (const [index, [name, payload]] of questionsOf(id).entries()) {
        const { c } = yield* begin({ sessionId: 200 + index })
        yield* c.raw(join(Commands.message(Commands.numbers[name], payload), Commands.message(99, none)))
        yield* c.closes(name)
      }
      const d = yield* script.data
      yield* d.packet(id, 1)
      yield* d.closes("packet")
    }
    note("trace chunks of the same tracing session")
    for (const sessionId of [7, 1_000_007]) {
      const joining = { name: "shop", host: "web1", uuid, sessionId, currentChunk: 0 }
      const c = yield* script.control
      yield* c.version(13)
      yield* c.insist("CREATE_SESSION", Commands.createSession(13, joining), 16)
      const { c: beside } = yield* begin({ uuid, sessionId, creationTime: Commands.start + 60 + sessionId })
      yield* beside.chunkExists(0)
      yield* beside.chunkExists(1)
      yield* beside.createChunk(1, Commands.start + 1)
      yield* beside.closeChunk(0, Commands.start + 2, 0)
      yield* beside.untilChunkGone(0)
      yield* beside.closeChunk(5, Commands.start + 2)
      yield* beside.closes("unknown chunk")
    }
    return lines
  })
}

const asViewer = (relay: TestRelay.TestRelay, { handles, sessionIds }: Others) => {
  const lines: Array<string> = []
  return Effect.gen(function* () {
    const begin = Viewers.of(relay, (line) => void lines.push(line.replace(/^(V\d+ CONNECT).*/, "$1")))
    for (const minor of [4, 13, 15]) {
      const v = yield* begin
      yield* v.connect(minor)
      yield* v.list
      yield* v.attach(sessionIds[1] ?? 0n, "last")
      yield* v.create
      for (const id of [...sessionIds, ...handles, 999n]) {
        for (const seek of ["beginning", "last", 9] as const) yield* v.attach(id, seek)
        yield* v.newStreams(id)
        yield* v.next(id)
        yield* v.packet(id, 0, 16)
        yield* v.metadata(id)
        yield* v.detach(id)
      }
      yield* v.list
      yield* v.close
    }
    return lines
  })
}

/** What an edge hears of a journal that brings the same questions: how far it got, and what became of it. */
const asEdge = (relay: TestRelay.TestRelay, { handles, sessionIds }: Others) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    for (const [index, id] of [...handles, ...sessionIds, 999n].entries()) {
      const shop = Commands.createSession(13, { name: "shop", host: "web1", sessionId: 300 + index })
      for (const [name, payload] of questionsOf(id)) {
        const wire = yield* relay.wire("control")
        const { state } = yield* Journal.opened(wire, Journal.opening(randomUUID().replaceAll("-", "")))
        const said = [
          Journal.record(1, Kind.control),
          Journal.record(2, Kind.command, Journal.version),
          Journal.record(3, Kind.command, Commands.message(Commands.numbers.CREATE_SESSION, shop)),
          Journal.record(4, Kind.command, Commands.message(Commands.numbers[name], payload)),
          Journal.record(5, Kind.data, none, 2),
          Journal.record(6, Kind.packet, Commands.packetHeader(id, 1, 0, 0), 2),
          Journal.record(7, Kind.finish)
        ]
        yield* wire.send(join(...said))
        let told: OpenJournal.Acknowledgement
        do told = OpenJournal.acknowledgement.read(viewOf(yield* wire.read(OpenJournal.acknowledgement.size)), 0)
        while (told.outcome === OpenJournal.Outcome.goesOn)
        lines.push(`${name} ${state} ${told.outcome}`)
        yield* wire.close
      }
    }
    return lines
  })

/** Numbers of one's own are others in every relay. */
const withoutOwn = (lines: ReadonlyArray<string>, own: ReadonlySet<bigint>) =>
  lines.map((line) => [...own].reduce((text, id) => text.replaceAll(id.toString(16).padStart(16, "0"), "own"), line))

it.live("who may neither record nor view it cannot tell whether it is there", () =>
  Effect.gen(function* () {
    const full = yield* TestRelay.make()
    const others = yield* record(full)
    const before = full.output.files()
    yield* full.relay.replaceAccess(access)
    const empty = yield* TestRelay.make({ access })
    const told = { full: new Set<bigint>(), empty: new Set<bigint>() }
    const lines = yield* Effect.all(
      { full: asTarget(full, others, told.full), empty: asTarget(empty, others, told.empty) },
      { concurrency: 2 }
    )
    assert.isAbove(lines.full.length, 100)
    assert.deepStrictEqual(withoutOwn(lines.full, told.full), withoutOwn(lines.empty, told.empty))
    const views = yield* Effect.all(
      { full: asViewer(full, others), empty: asViewer(empty, others) },
      { concurrency: 2 }
    )
    assert.deepStrictEqual(views.full, views.empty)
    assert.notInclude(views.full.join("\n"), "billing")
    const brought = yield* Effect.all({ full: asEdge(full, others), empty: asEdge(empty, others) }, { concurrency: 2 })
    assert.deepStrictEqual(brought.full, brought.empty)
    // Nothing of it came into what others recorded.
    const isOf = (path: string) => path.startsWith(`web1/${others.directory}/`)
    assert.deepStrictEqual(full.output.files().filter(isOf), before.filter(isOf))
  })
)

it.live("what one has of one's own, by its number, says nothing of how many others there are", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access })
    const ids: Array<bigint> = []
    for (let count = 0; count < 8; count++) {
      const { c, session } = yield* relay.script().recording({ name: "shop", host: "web1", sessionId: count + 1 })
      ids.push(session.id, yield* c.addStream({}))
    }
    assert.strictEqual(new Set(ids).size, ids.length)
    const [first = 0n, ...rest] = ids.filter((_, index) => index % 2 === 0)
    assert.isFalse(rest.every((id, index) => id > (index === 0 ? first : (rest[index - 1] as bigint))))
    for (const id of ids) assert.isAtLeast(Number(id), 1000)
  })
)
