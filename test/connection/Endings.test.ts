/**
 * No order of closing leaves anything behind: after each story the last connection goes, and nothing of the session is
 * left but files. Told twice: over files that answer at once, and over slow ones.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FiberSet, type Scope } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { comes, turns, until } from "../support/turns.ts"
import { assertNothingLeft, type Control, type PeerDouble, packet, type Relay, withRelay } from "./doubles.ts"

interface Scene {
  readonly relay: Relay
  readonly c: Control
  readonly d: PeerDouble
  readonly session: { readonly id: bigint; readonly path: string }
  /** A data stream with one packet and its index, and a metadata stream. */
  readonly stream: bigint
  readonly metadata: bigint
}

type Story = (scene: Scene) => Effect.Effect<void, never, Scope.Scope>

const { join, numbers, packetHeader, u32, u64 } = Commands

const stories: Readonly<Record<string, Story>> = {
  "control, then data": ({ c, d }) =>
    Effect.sync(() => {
      c.peer.finish()
      d.finish()
    }),
  "data, then control": ({ c, d }) =>
    Effect.gen(function* () {
      d.finish()
      yield* until("data to be gone", () => d.isClosed)
      c.peer.finish()
    }),
  "both reset": ({ c, d }) =>
    Effect.sync(() => {
      d.reset()
      c.peer.reset()
    }),
  "streams closed one by one before": ({ c, d, stream, metadata }) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* c.closeStream(metadata, Commands.noSeq), 10)
      assert.strictEqual(yield* c.closeStream(stream, 0), 10)
      c.peer.finish()
      d.finish()
    }),
  "in the middle of a packet": ({ c, d, stream }) =>
    Effect.sync(() => {
      d.deliver(packet(stream, 1, 100_000).subarray(0, 70_000))
      d.finish()
      c.peer.finish()
    }),
  "in the middle of headers": ({ c, d, stream }) =>
    Effect.sync(() => {
      d.deliver(packetHeader(stream, 1, 5, 0).subarray(0, 31))
      c.peer.deliver(Commands.header(numbers.SEND_INDEX, 80).subarray(0, 23))
      c.peer.finish()
      d.finish()
    }),
  "in the middle of metadata, and of a command": ({ c, d, metadata, relay, session }) =>
    Effect.gen(function* () {
      const whole = Commands.message(numbers.SEND_METADATA, join(u64(metadata), u32(0), Buffer.alloc(200_000)))
      c.peer.deliver(whole.subarray(0, 150_000))
      const other = yield* relay.control
      yield* other.session({ name: "other", sessionId: 8 })
      other.peer.deliver(Commands.message(numbers.ADD_STREAM, Buffer.alloc(400)).subarray(0, 300))
      other.peer.reset()
      c.peer.finish()
      d.finish()
      yield* assertNothingLeft(relay)
      const left = relay.memory.read(`${output}/${session.path}/ust/uid/0/64-bit/metadata`)
      assert.strictEqual(left?.toString(), "metadata")
    }),
  "while a command waits: that is answered, and what was said behind it": ({ c, d, relay, session }) =>
    Effect.gen(function* () {
      const answered = c.peer.received.length
      const behind = Commands.message(numbers.BEGIN_DATA_PENDING, u64(session.id))
      c.peer.deliver(join(Commands.message(numbers.ADD_STREAM, Commands.addStream(13, { channel: "late" })), behind))
      c.peer.finish()
      d.finish()
      yield* assertNothingLeft(relay)
      assert.strictEqual(c.peer.received.length - answered, 12 + 4)
    }),
  "an index whose packet never comes": ({ c, d, stream }) =>
    Effect.gen(function* () {
      yield* c.index(stream, { seq: 1 })
      c.peer.finish()
      d.finish()
    }),
  "an index whose packet comes after control is gone": ({ c, d, stream, relay }) =>
    Effect.gen(function* () {
      yield* c.index(stream, { seq: 1 })
      c.peer.finish()
      yield* until("control to be gone", () => c.peer.isClosed)
      assert.isTrue(relay.registry.streams.has(Number(stream)))
      d.deliver(packet(stream, 1))
      yield* until("the stream to be closed", () => !relay.registry.streams.has(Number(stream)))
      d.finish()
    }),
  "a packet whose index never comes": ({ c, d, stream }) =>
    Effect.sync(() => {
      d.deliver(packet(stream, 1))
      c.peer.finish()
      d.finish()
    }),
  "a packet whose index is read a look after the end of data": ({ c, d, stream }) =>
    Effect.gen(function* () {
      d.deliver(packet(stream, 1))
      d.finish()
      yield* turns(2)
      assert.strictEqual(yield* c.index(stream, { seq: 1 }), 10)
      c.peer.finish()
    }),
  "CLOSE_STREAM for a packet that never comes": ({ c, d, stream }) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* c.closeStream(stream, 99), 10)
      c.peer.finish()
      d.finish()
    }),
  "a refused command": ({ c, d, stream }) =>
    Effect.gen(function* () {
      d.deliver(packet(stream, 1))
      assert.strictEqual(yield* c.isPending(777n, 0), 0xffff_ffff)
      yield* until("control to be closed", () => c.peer.isClosed)
      d.finish()
    }),
  "a refused packet": ({ c, d }) =>
    Effect.gen(function* () {
      d.deliver(packet(777n, 0))
      yield* until("data to be closed", () => d.isClosed)
      c.peer.finish()
    }),
  "a rotation that is pending, its old chunk closed": ({ c, d, stream, relay, session }) =>
    Effect.gen(function* () {
      yield* c.createChunk(1)
      assert.strictEqual(yield* c.rotate(1, [[stream, 50]]), 10)
      assert.strictEqual(yield* c.closeChunk(0, Commands.closeCommands.move), 10)
      d.deliver(packet(stream, 1))
      c.peer.finish()
      d.finish()
      yield* assertNothingLeft(relay)
      const left = relay.memory.paths(`${output}/${session.path}`).join("\n")
      assert.include(left, "/archives/")
      assert.notInclude(left, ".tmp_")
    }),
  "a rotation refused because one is pending": ({ c, d, stream }) =>
    Effect.gen(function* () {
      yield* c.createChunk(1)
      assert.strictEqual(yield* c.rotate(1, [[stream, 50]]), 10)
      assert.strictEqual(yield* c.rotate(1, [[stream, 50]]), 153)
      d.finish()
    }),
  "a second chunk without closing the first, which is in its way": ({ c, d }) =>
    Effect.gen(function* () {
      yield* c.createChunk(1)
      assert.strictEqual(yield* c.createChunk(2), 11)
      d.finish()
    }),
  "a second chunk without closing the first, which is in nobody's way": ({ c, d }) =>
    Effect.gen(function* () {
      const named = (id: number) =>
        c.code("CREATE_TRACE_CHUNK", Commands.createTraceChunk(id, Commands.start + id, `snapshot-${id}`))
      assert.strictEqual(yield* named(1), 10)
      assert.strictEqual(yield* named(2), 152)
      d.finish()
    }),
  "a clear in the middle of packets": ({ c, d, stream, metadata }) =>
    Effect.gen(function* () {
      yield* c.createChunk(1)
      d.deliver(packet(stream, 1, 5000))
      yield* c.rotate(1, [
        [stream, 1],
        [metadata, 0]
      ])
      assert.strictEqual(yield* c.closeChunk(0, Commands.closeCommands.delete), 10)
      yield* c.index(stream, { seq: 1, bytes: 5000 })
      c.peer.finish()
      d.finish()
    }),
  "rotated to no chunk": ({ c, d, stream, metadata }) =>
    Effect.gen(function* () {
      yield* c.rotate(undefined, [
        [stream, 1],
        [metadata, 0]
      ])
      yield* c.closeChunk(0, Commands.closeCommands.move)
      c.peer.finish()
      d.finish()
    }),
  "a second connection that shares the chunk, and outlives the first": ({ c, d, relay }) =>
    Effect.gen(function* () {
      const other = yield* relay.control
      yield* other.session({ sessionId: 7, currentChunk: 0 })
      const shared = yield* other.addStream({ channel: "shared", path: "kernel" })
      const otherData = yield* relay.data
      otherData.deliver(packet(shared, 0))
      assert.strictEqual(yield* c.closeChunk(0, Commands.closeCommands.move), 10)
      c.peer.finish()
      d.finish()
      yield* until("the first session to end", () => relay.registry.sessions.size === 1)
      assert.strictEqual(yield* other.index(shared, { seq: 0 }), 10)
      assert.strictEqual(relay.registry.chunks.count, 1)
      other.peer.finish()
      otherData.finish()
    }),
  "a second connection that would share the chunk, but whose directory cannot be made": ({ c, d, relay }) =>
    Effect.gen(function* () {
      const other = yield* relay.control
      yield* other.ask("VERSION", join(u32(2), u32(13)), 8)
      const mend = relay.faults.fail({ code: "EACCES", operation: "mkdir" })
      const session = Commands.createSession(13, { name: "elsewhere", sessionId: 7, currentChunk: 0 })
      assert.strictEqual((yield* other.ask("CREATE_SESSION", session, 16)).readUInt32BE(8), 25)
      mend()
      for (const peer of [other.peer, c.peer, d]) peer.finish()
    }),
  "packets of two sessions on one data connection": ({ c, d, stream, relay }) =>
    Effect.gen(function* () {
      const other = yield* relay.control
      yield* other.session({ name: "other", sessionId: 8 })
      const theirs = yield* other.addStream()
      d.deliver(join(packet(stream, 1), packet(theirs, 0, 100).subarray(0, 60)))
      d.finish()
      yield* until("the first session to lose its streams", () => !relay.registry.streams.has(Number(stream)))
      assert.isTrue(relay.registry.streams.has(Number(theirs)))
      const again = yield* relay.data
      again.deliver(packet(theirs, 1))
      assert.strictEqual(yield* other.index(theirs, { seq: 1 }), 10)
      c.peer.finish()
      other.peer.finish()
      again.finish()
      yield* assertNothingLeft(relay)
      const found = relay.memory.paths(output).find((path) => path.includes("/other-") && path.endsWith("/ch_0")) ?? ""
      assert.isTrue(relay.memory.read(found)?.equals(Commands.payload(16, 1)), "the part that was left is cut off")
    }),
  "a session that never got a chunk, and a connection that never got a session": ({ c, d, relay }) =>
    Effect.gen(function* () {
      const other = yield* relay.control
      yield* other.ask("VERSION", join(u32(2), u32(13)), 8)
      yield* other.ask("CREATE_SESSION", Commands.createSession(13, { name: "empty", sessionId: 9 }), 16)
      const idle = yield* relay.control
      const idleData = yield* relay.data
      for (const peer of [other.peer, idle.peer, idleData, c.peer, d]) peer.finish()
    }),
  "a reset while the session is being made": ({ c, d, relay }) =>
    Effect.gen(function* () {
      const other = yield* relay.control
      yield* other.ask("VERSION", join(u32(2), u32(13)), 8)
      const release = relay.faults.stall("half-made")
      other.post("CREATE_SESSION", Commands.createSession(13, { name: "half-made", sessionId: 9 }))
      yield* until("its directory to be asked for", () => relay.faults.stalledCount > 0)
      other.peer.reset()
      yield* release
      yield* comes(
        "its connection to be gone",
        Effect.map(FiberSet.size(relay.connections), (count) => count === 2)
      )
      yield* until("the session to be over", () => relay.registry.sessions.size === 1)
      const again = yield* relay.control
      const { path } = yield* again.session({ name: "half-made", sessionId: 10 })
      assert.match(path, /half-made-\d+-\d+$/, "its name is free again")
      for (const peer of [again.peer, c.peer, d]) peer.finish()
    }),
  "a reset while a stream is being added": ({ c, d, relay }) =>
    Effect.gen(function* () {
      const other = yield* relay.control
      yield* other.session({ sessionId: 7, currentChunk: 0 })
      const release = relay.faults.stall("half-added")
      other.post("ADD_STREAM", Commands.addStream(13, { channel: "half-added", path: "kernel" }))
      yield* until("its file to be asked for", () => relay.faults.stalledCount > 0)
      other.peer.reset()
      yield* until("its connection to be gone", () => other.peer.isClosed)
      yield* release
      yield* until("the session to be over", () => relay.registry.sessions.size === 1)
      assert.strictEqual(yield* c.closeChunk(0, Commands.closeCommands.move), 10)
      c.peer.finish()
      d.finish()
    }),
  "a reset while a chunk is being closed": ({ c, d, stream, metadata, relay, session }) =>
    Effect.gen(function* () {
      yield* c.createChunk(1)
      const positions = [[stream, 1] as const, [metadata, 0] as const]
      assert.strictEqual(yield* c.rotate(1, positions), 10)
      const release = relay.faults.stall(".tmp_new_chunk")
      c.post("CLOSE_TRACE_CHUNK", Commands.closeChunk(0, Commands.start + 1, Commands.closeCommands.move))
      yield* until("its directory to be moved", () => relay.faults.stalledCount > 0)
      d.finish()
      yield* until("data to be gone", () => d.isClosed)
      c.peer.reset()
      yield* release
      yield* assertNothingLeft(relay)
      const left = relay.memory.paths(`${output}/${session.path}`).join("\n")
      assert.include(left, "/archives/")
      assert.notInclude(left, ".tmp_")
    }),
  "the relay stops": ({ c, d, stream, relay }) =>
    Effect.gen(function* () {
      d.deliver(packet(stream, 1, 300_000).subarray(0, 200_000))
      yield* relay.registry.drain
      yield* until("both to be closed", () => c.peer.isClosed && d.isClosed)
    })
}

const speeds: Readonly<Record<string, (relay: Relay) => void>> = {
  "at once": () => {},
  slowly: (relay) => relay.faults.slow("1 millis")
}

for (const [speed, prepare] of Object.entries(speeds)) {
  describe(`nothing is left when files answer ${speed}`, () => {
    for (const [name, story] of Object.entries(stories)) {
      it.live(name, () =>
        withRelay({}, (relay) =>
          Effect.gen(function* () {
            prepare(relay)
            const c = yield* relay.control
            const d = yield* relay.data
            const session = yield* c.session({ sessionId: 7 })
            const stream = yield* c.addStream()
            const metadata = yield* c.addStream({ channel: "metadata" })
            yield* c.ask("STREAMS_SENT", Commands.none)
            c.metadata(metadata, Buffer.from("metadata"))
            d.deliver(packet(stream, 0))
            yield* c.index(stream, { seq: 0 })
            yield* story({ relay, c, d, session, stream, metadata })
            yield* assertNothingLeft(relay)
            assert.notInclude(relay.log.map(({ text }) => text).join("\n"), "defect", "no story is about a defect")
          })
        )
      )
    }
  })
}
