/**
 * What a principal may not record or see is to it as if it were not there: whatever it names, on each port, the answer
 * is the one for a name of nothing, and nothing of it changes.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { AccessFile } from "../../src/access/Access.ts"
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

/** Everything that names a stream or a session, of a number that it may not know. */
const questions = (session: bigint, stream: bigint): Readonly<Record<string, Uint8Array>> => ({
  index: message(numbers.SEND_INDEX, Commands.sendIndex(13, stream, { seq: 1 })),
  metadata: message(numbers.SEND_METADATA, join(u64(stream), u32(0), Buffer.from("evil"))),
  resetMetadata: message(numbers.RESET_METADATA, join(u64(stream), u64(1))),
  closeStream: message(numbers.CLOSE_STREAM, join(u64(stream), u64(0))),
  dataPending: message(numbers.DATA_PENDING, join(u64(stream), u64(0))),
  quiescent: message(numbers.QUIESCENT_CONTROL, u64(stream)),
  beginPending: message(numbers.BEGIN_DATA_PENDING, u64(session)),
  endPending: message(numbers.END_DATA_PENDING, u64(session)),
  rotate: join(
    message(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(20, Commands.start + 20)),
    message(numbers.ROTATE_STREAMS, Commands.rotateStreams(20, [[stream, 1]]))
  )
})

/** Chunks of the session daemon's session, which is what it says it is. */
const chunkQuestions = (chunk: number): Readonly<Record<string, Uint8Array>> => ({
  exists: message(numbers.TRACE_CHUNK_EXISTS, u64(chunk)),
  close: message(numbers.CLOSE_TRACE_CHUNK, Commands.closeChunk(chunk, Commands.start + 30)),
  join: message(numbers.ROTATE_STREAMS, Commands.rotateStreams(chunk, []))
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
    const unknown = questions(nothing, nothing)
    for (const [what, bytes] of Object.entries(questions(victim.session.id, stream))) {
      const answer = yield* asTarget(relay, `${what}-1`, bytes)
      assert.strictEqual(answer, yield* asTarget(relay, `${what}-2`, unknown[what] as Uint8Array), what)
    }
    const none = chunkQuestions(99)
    for (const [what, bytes] of Object.entries(chunkQuestions(3))) {
      const answer = (yield* asTarget(relay, `${what}-3`, bytes)).replaceAll("03", "")
      const other = (yield* asTarget(relay, `${what}-4`, none[what] as Uint8Array)).replaceAll("63", "")
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
    for (const [what, number, rest] of [
      ["attach", Live.AttachSession.number, join(u64(0), u32(1))],
      ["detach", Live.DetachSession.number, Commands.none],
      ["new streams", Live.GetNewStreams.number, Commands.none]
    ] as const) {
      const answer = yield* asViewer(relay, number, join(u64(victim.session.id), rest))
      assert.strictEqual(answer, yield* asViewer(relay, number, join(u64(nothing), rest)), what)
      assert.isNotEmpty(answer, what)
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
