/**
 * What a principal may not record or see is to it as if it were not there: whatever it names, on each port, the answer
 * is the one for a name of nothing, and nothing of it changes.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
import * as Control from "../../src/protocol/control/index.ts"
import * as GetEdges from "../../src/protocol/journal/GetEdges.ts"
import * as OpenJournal from "../../src/protocol/journal/OpenJournal.ts"
import * as Live from "../../src/protocol/live/index.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import type { Wire } from "../../src/testing/Wire.ts"

const only = (host: string): AccessFile => ({
  principals: [{ name: "here", addresses: ["127.0.0.0/8"] }],
  rules: [{ principals: ["here"], record: [{ host }], view: [{ host }] }]
})

const daemon = { uuid: "0123456789abcdef0123456789abcdef", sessionId: 7 }
const nothing = 9999n
const { join, message, numbers, u32, u64 } = Commands

/** All that comes until the end, after `bytes` and an end of ours. */
const told = (wire: Wire, bytes: Uint8Array) =>
  Effect.gen(function* () {
    yield* wire.send(bytes)
    yield* wire.end
    return (yield* wire.readToEnd).toString("hex")
  })

const createSession = (session: Commands.Session) =>
  message(numbers.CREATE_SESSION, Commands.createSession(13, { host: "web1", ...daemon, ...session }))

/** A connection that may record `web1`, and does: what it is told after that. */
const asTarget = (relay: TestRelay.TestRelay, name: string, bytes: Uint8Array) =>
  Effect.gen(function* () {
    const wire = yield* relay.wire("control")
    yield* wire.send(join(message(numbers.VERSION, join(u32(2), u32(13))), createSession({ name })))
    yield* wire.read(8)
    yield* wire.read((yield* wire.read(16)).readUInt32BE(12))
    return yield* told(wire, bytes)
  })

const asViewer = (relay: TestRelay.TestRelay, number: number, payload: Uint8Array) =>
  Effect.gen(function* () {
    const request = (command: number, ...parts: ReadonlyArray<Uint8Array>) =>
      join(u64(join(...parts).length), u32(command), u32(0), ...parts)
    const wire = yield* relay.wire("live")
    const hello = request(Live.Connect.number, u64(0), u32(2), u32(13), u32(1))
    yield* wire.send(join(hello, request(Live.CreateSession.number)))
    // The number that it is given is its own.
    yield* wire.read(20 + 4)
    return yield* told(wire, request(number, payload))
  })

/** What another has; or numbers of nothing. */
interface Named {
  readonly session: bigint
  readonly stream: bigint
  readonly chunk: number
}

/** What asks for it; or where it is tested, or that it names nothing of anybody's. */
type Row = string | ((named: Named) => Uint8Array)

const ownOnly = "names nothing, or what is its own session's"

const commands: Readonly<Record<string, Row>> = {
  ADD_STREAM: "directories: Discretion.test.ts, Access.test.ts",
  CREATE_SESSION: "below, and directories: Discretion.test.ts, Access.test.ts",
  START_DATA: ownOnly,
  VERSION: ownOnly,
  SEND_METADATA: ({ stream }) => message(numbers.SEND_METADATA, join(u64(stream), u32(0), Buffer.from("evil"))),
  CLOSE_STREAM: ({ stream }) => message(numbers.CLOSE_STREAM, join(u64(stream), u64(0))),
  DATA_PENDING: ({ stream }) => message(numbers.DATA_PENDING, join(u64(stream), u64(0))),
  QUIESCENT_CONTROL: ({ stream }) => message(numbers.QUIESCENT_CONTROL, u64(stream)),
  BEGIN_DATA_PENDING: ({ session }) => message(numbers.BEGIN_DATA_PENDING, u64(session)),
  END_DATA_PENDING: ({ session }) => message(numbers.END_DATA_PENDING, u64(session)),
  SEND_INDEX: ({ stream }) => message(numbers.SEND_INDEX, Commands.sendIndex(13, stream, { seq: 1 })),
  STREAMS_SENT: ownOnly,
  RESET_METADATA: ({ stream }) => message(numbers.RESET_METADATA, join(u64(stream), u64(1))),
  ROTATE_STREAMS: ({ stream }) =>
    join(
      message(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(20, Commands.start + 20)),
      message(numbers.ROTATE_STREAMS, Commands.rotateStreams(20, [[stream, 1]]))
    ),
  CREATE_TRACE_CHUNK: ({ chunk }) =>
    message(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(chunk, Commands.start + 3)),
  CLOSE_TRACE_CHUNK: ({ chunk }) => message(numbers.CLOSE_TRACE_CHUNK, Commands.closeChunk(chunk, Commands.start + 30)),
  TRACE_CHUNK_EXISTS: ({ chunk }) => message(numbers.TRACE_CHUNK_EXISTS, u64(chunk)),
  GET_CONFIGURATION: ownOnly,
  OPEN_JOURNAL: "a journal's name is its secret; what is in it: Discretion.test.ts",
  GET_EDGES: ownOnly
}

/** Chunks of the session daemon's session, which is what it says it is. */
const joining: Row = ({ chunk }) => message(numbers.ROTATE_STREAMS, Commands.rotateStreams(chunk, []))

const requests: Readonly<Record<string, string | ((named: Named) => Uint8Array)>> = {
  CONNECT: ownOnly,
  LIST_SESSIONS: "Discretion.test.ts",
  ATTACH_SESSION: ({ session }) => join(u64(session), u64(0), u32(1)),
  GET_NEXT_INDEX: ({ stream }) => u64(stream),
  GET_PACKET: ({ stream }) => join(u64(stream), u64(0), u32(8)),
  GET_METADATA: ({ stream }) => u64(stream),
  GET_NEW_STREAMS: ({ session }) => u64(session),
  CREATE_SESSION: ownOnly,
  DETACH_SESSION: ({ session }) => u64(session)
}

it("every command that there is, of targets, edges and viewers, is asked for here", () => {
  const ours = [OpenJournal, GetEdges]
  const names = [...Control.commands.values(), ...ours].map(({ name }) => name)
  assert.sameMembers(Object.keys(commands), names)
  assert.sameMembers(
    Object.keys(requests),
    [...Live.commands.values()].map(({ name }) => name)
  )
})

it.live("nothing of what others record can be learnt or changed by numbers, over any port", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make({ access: only("*") })
    const script = relay.script()
    const victim = yield* script.recording({ name: "secret", host: "db1", liveTimer: 1_000_000, chunk: 3, ...daemon })
    const stream = yield* victim.c.addStream()
    yield* victim.c.streamsSent
    yield* victim.d.packet(stream, 0, 100)
    yield* victim.c.index(stream, { seq: 0 })
    yield* victim.c.beginPending(victim.session.id)
    yield* victim.c.dataPending(stream, 0)
    const theirs = () => relay.output.tree().filter((line) => line.includes("db1"))
    const before = theirs()
    assert.isNotEmpty(before)

    yield* relay.relay.replaceAccess(only("web*"))
    const theirOwn: Named = { session: victim.session.id, stream, chunk: 3 }
    const none: Named = { session: nothing, stream: nothing, chunk: 99 }
    for (const [what, row] of [...Object.entries(commands), ["join", joining] as const]) {
      if (typeof row === "string") continue
      // What is answered says which chunk was asked for.
      const answer = (yield* asTarget(relay, `${what}-1`, row(theirOwn))).replaceAll("03", "")
      const other = (yield* asTarget(relay, `${what}-2`, row(none))).replaceAll("63", "")
      assert.strictEqual(answer, other, what)
    }
    const joined = yield* script.control
    yield* joined.version(13)
    for (const name of ["mine", "secret"]) {
      const { id } = yield* joined.createSession({ name, host: "web1", ...daemon, currentChunk: 3 })
      assert.strictEqual(id, 0n)
    }

    for (const handle of [stream, nothing]) {
      const wire = yield* relay.wire("data")
      const packet = join(Commands.packetHeader(handle, 1, 8, 0), Buffer.alloc(8))
      assert.strictEqual(yield* told(wire, packet), "", `packet for ${handle}`)
    }
    for (const { name, number } of Live.commands.values()) {
      const row = requests[name]
      if (typeof row !== "function") continue
      const answer = yield* asViewer(relay, number, row(theirOwn))
      assert.strictEqual(answer, yield* asViewer(relay, number, row(none)), name)
      assert.isNotEmpty(answer, name)
    }
    assert.deepStrictEqual(theirs(), before)

    yield* relay.relay.replaceAccess(only("*"))
    // What strangers asked meanwhile has not made it begin again.
    assert.strictEqual((yield* victim.c.command("END_DATA_PENDING", u64(victim.session.id), 4)).readUInt32BE(0), 0)
    yield* victim.d.packet(stream, 1, 100)
    yield* victim.c.index(stream, { seq: 1 })
    yield* script.fileSize(victim.file("ch_0", "", "ust/uid/0/64-bit"), 200)
  })
)
