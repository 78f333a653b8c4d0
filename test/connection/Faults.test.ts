/**
 * What fails, and how far it reaches: file errors have the specified answer and one log line, a defect ends only what
 * it is in, and a session beside it records on, whole.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Fault } from "../../src/storage/FaultyFiles.ts"
import * as Commands from "../sidebyside/commands.ts"
import { output } from "../storage/stores.ts"
import { turns, until } from "../support/turns.ts"
import { both, claim, errorsOf, fileOf, inFiles, type Recording } from "./bystander.ts"
import { packet, type Relay } from "./doubles.ts"

const { join, u64 } = Commands

const indexMessage = (stream: bigint, seq: number) =>
  Commands.message(Commands.numbers.SEND_INDEX, Commands.sendIndex(13, stream, { seq }))

const indexFault: Fault = {
  code: "EIO",
  operation: "write",
  path: "victim-20231114-221320/ust/uid/0/64-bit/index"
}

/** Every record lies within the bytes of the data file. */
const assertRecordsWithin = (relay: Relay, recording: Recording) => {
  const data = fileOf(relay, recording, "ch_0")?.length ?? 0
  const index = fileOf(relay, recording, "index/ch_0.idx") ?? Buffer.alloc(0)
  for (let at = 16; at + 72 <= index.length; at += 72) {
    const end = Number(index.readBigUInt64BE(at)) + Number(index.readBigUInt64BE(at + 8) / 8n)
    assert.isAtMost(end, data, "a record points past the bytes")
  }
}

describe("file errors", () => {
  const dataFaults: Readonly<Record<string, Fault>> = {
    "a full disk, in the middle of a packet": { code: "ENOSPC", operation: "write", path: "victim", afterBytes: 1000 },
    "a disk that fails": { code: "EIO", operation: "write", path: "victim" },
    "a file-size limit": { code: "EFBIG", operation: "write", path: "victim", afterBytes: 100 }
  }
  for (const [name, fault] of Object.entries(dataFaults)) {
    claim(`${name}: data ends, streams close, the next command that names one is refused`, (scene) =>
      Effect.gen(function* () {
        const { relay, c, d, stream } = scene
        relay.faults.fail(fault)
        d.deliver(packet(stream, 1, 5000))
        yield* until("data to be closed", () => d.isClosed)
        assert.isFalse(c.peer.isClosed)
        assert.strictEqual(yield* c.index(stream, { seq: 1, bytes: 5000 }), 11)
        yield* until("control to be closed", () => c.peer.isClosed)
        assert.deepStrictEqual(errorsOf(relay).length, 1, errorsOf(relay).join("\n"))
        assert.include(errorsOf(relay)[0], fault.code)
        assert.isTrue(fileOf(relay, scene, "ch_0")?.subarray(0, 16).equals(Commands.payload(16, 0)))
        assertRecordsWithin(relay, scene)
      })
    )
  }

  claim("the index cannot be written: nothing of the data is lost, the record is not there", (scene) =>
    Effect.gen(function* () {
      const { relay, c, d, stream, isWritten } = scene
      relay.faults.fail(indexFault)
      d.deliver(packet(stream, 1))
      assert.strictEqual(yield* c.index(stream, { seq: 1 }), isWritten ? 11 : 10)
      yield* until("data to be closed", () => d.isClosed)
      if (isWritten) yield* until("control to be closed", () => c.peer.isClosed)
      assert.strictEqual(fileOf(relay, scene, "ch_0")?.length, 32)
      assert.strictEqual(fileOf(relay, scene, "index/ch_0.idx")?.length, 16 + 72)
      assert.lengthOf(errorsOf(relay), 1)
    })
  )

  claim(
    "an index that cannot be written among others: those before it are accepted, those behind it not answered",
    (scene) =>
      Effect.gen(function* () {
        const { relay, c, d, stream, isWritten } = scene
        const sound = yield* c.addStream({ channel: "sound" })
        yield* both({ c, d, stream: sound }, 0)
        relay.faults.fail({ ...indexFault, path: `${indexFault.path}/ch_0.idx` })
        const all = [
          [sound, 1],
          [stream, 1],
          [stream, 2],
          [sound, 2],
          [stream, 3]
        ] as const
        d.deliver(join(...all.map(([handle, seq]) => packet(handle, seq))))
        c.peer.deliver(join(...all.map(([handle, seq]) => indexMessage(handle, seq))))
        if (!isWritten) return yield* until("data to be closed", () => d.isClosed)
        yield* until("control to be closed", () => c.peer.isClosed)
        assert.strictEqual(c.peer.received.toString("hex"), "0000000a0000000b")
      })
  )

  const behind: Readonly<Record<string, (sound: bigint) => ReadonlyArray<Uint8Array>>> = {
    "more indexes than one write of answers has": (sound) =>
      Array.from({ length: 1500 }, (_, seq) => indexMessage(sound, seq + 1)),
    "a command that has to wait": () => [
      Commands.message(Commands.numbers.ADD_STREAM, Commands.addStream(13, { channel: "behind" }))
    ],
    "a command that is answered at once": () => [Commands.message(Commands.numbers.QUIESCENT_CONTROL, u64(99))],
    "an index that is refused": () => [indexMessage(99n, 0)],
    "an index that is too short": () => [Commands.message(Commands.numbers.SEND_INDEX, Buffer.alloc(8))]
  }
  for (const [name, messages] of Object.entries(behind)) {
    claim(`an index that cannot be written, in one read with ${name}: it is refused, and nothing behind it`, (scene) =>
      Effect.gen(function* () {
        const { relay, c, d, stream, isWritten } = scene
        const sound = yield* c.addStream({ channel: "sound" })
        yield* both({ c, d, stream: sound }, 0)
        relay.faults.fail({ ...indexFault, path: `${indexFault.path}/ch_0.idx` })
        const packets = Array.from({ length: 1500 }, (_, seq) => packet(sound, seq + 1))
        d.deliver(join(packet(stream, 1), ...packets))
        c.peer.deliver(join(indexMessage(stream, 1), ...messages(sound)))
        if (!isWritten) return yield* until("data to be closed", () => d.isClosed)
        yield* until("control to be closed", () => c.peer.isClosed)
        assert.strictEqual(c.peer.received.toString("hex"), "0000000b")
      })
    )
  }

  claim("an index that cannot be written, behind one whose packet has not come: that one alone is accepted", (scene) =>
    Effect.gen(function* () {
      const { relay, c, d, stream, isWritten } = scene
      relay.faults.fail(indexFault)
      d.deliver(packet(stream, 1))
      c.peer.deliver(join(indexMessage(stream, 2), indexMessage(stream, 1)))
      yield* until("data to be closed", () => d.isClosed)
      if (!isWritten) return
      yield* until("control to be closed", () => c.peer.isClosed)
      assert.strictEqual(c.peer.received.toString("hex"), "0000000a0000000b")
    })
  )

  claim("an index that cannot be written, in one read with metadata for no stream: it is not accepted", (scene) =>
    Effect.gen(function* () {
      const { relay, c, d, stream, isWritten } = scene
      relay.faults.fail(indexFault)
      d.deliver(packet(stream, 1))
      const nowhere = Commands.message(Commands.numbers.SEND_METADATA, join(u64(99), Commands.u32(0), u64(0)))
      c.peer.deliver(join(indexMessage(stream, 1), nowhere))
      yield* until("control to be closed", () => c.peer.isClosed)
      if (isWritten) assert.strictEqual(c.peer.received.toString("hex"), "")
    })
  )

  claim("metadata that is not in its file is pending: a stop waits for it", (scene) =>
    Effect.gen(function* () {
      const { relay, c, stream, metadata } = scene
      const last = Effect.gen(function* () {
        const { id } = scene
        yield* c.code("BEGIN_DATA_PENDING", u64(id))
        yield* c.isPending(stream, 0)
        yield* c.code("QUIESCENT_CONTROL", u64(metadata))
        return yield* c.code("END_DATA_PENDING", u64(id))
      })
      const release = relay.faults.stall("metadata")
      c.metadata(metadata, Buffer.from("text"))
      assert.strictEqual(yield* last, 1)
      yield* release
      assert.strictEqual(yield* last, 0)
      assert.strictEqual(fileOf(relay, scene, "metadata")?.toString(), "text")
      const releaseAgain = relay.faults.stall("metadata")
      relay.faults.fail({ code: "ENOSPC", operation: "write", path: "metadata" })
      c.metadata(metadata, Buffer.from("more"))
      const answers = yield* Effect.forkChild(last, { startImmediately: true })
      yield* releaseAgain
      const exit = yield* Effect.exit(Fiber.join(answers))
      assert.isFalse(exit._tag === "Success" && exit.value === 0, "what was lost is not said to be there")
    })
  )

  claim(
    "an index that comes before its packet is accepted; that it cannot be written ends the data connection",
    (scene) =>
      Effect.gen(function* () {
        const { relay, c, d, stream } = scene
        relay.faults.fail(indexFault)
        assert.strictEqual(yield* c.index(stream, { seq: 1 }), 10)
        d.deliver(packet(stream, 1))
        yield* until("data to be closed", () => d.isClosed)
        assert.isFalse(c.peer.isClosed)
      })
  )

  claim("an index before its packet, a write that takes long: the command behind it waits, and is answered", (scene) =>
    Effect.gen(function* () {
      const { relay, c, d, stream } = scene
      const release = relay.faults.stall("ch_0")
      c.post("SEND_INDEX", Commands.sendIndex(c.minor, stream, { seq: 1, bytes: 16 }))
      d.deliver(packet(stream, 1))
      yield* turns(20)
      c.post("ADD_STREAM", Commands.addStream(c.minor, { channel: "next" }))
      yield* turns(20)
      yield* release
      const replies = yield* c.take(4 + 12)
      assert.deepStrictEqual([replies.readUInt32BE(0), replies.readUInt32BE(12)], [10, 10])
    })
  )

  claim("a packet that cannot be written: its session takes no further stream", ({ relay, c, d, stream }) =>
    Effect.gen(function* () {
      relay.faults.fail({ code: "EIO", operation: "write", path: "victim", times: 1 })
      d.deliver(packet(stream, 1, 5000))
      yield* until("data to be closed", () => d.isClosed)
      const reply = yield* c.ask("ADD_STREAM", Commands.addStream(13, { channel: "later" }), 12)
      assert.strictEqual(reply.readUInt32BE(8), 11)
    })
  )

  claim("the index file cannot be made: data ends", ({ relay, c, d }) =>
    Effect.gen(function* () {
      const stream = yield* c.addStream({ channel: "late" })
      relay.faults.fail({ code: "EACCES", operation: "open", path: "late.idx" })
      d.deliver(packet(stream, 0))
      yield* until("data to be closed", () => d.isClosed)
      assert.lengthOf(errorsOf(relay), 1)
    })
  )

  claim("metadata cannot be written: control ends", ({ relay, c, metadata }) =>
    Effect.gen(function* () {
      relay.faults.fail({ code: "ENOSPC", operation: "write", path: "victim" })
      c.metadata(metadata, Buffer.from("text"))
      yield* until("control to be closed", () => c.peer.isClosed)
      assert.strictEqual(c.peer.received.length, 0)
      assert.lengthOf(errorsOf(relay), 1)
    })
  )

  for (const code of ["ENAMETOOLONG", "ENOSPC", "EACCES", "EIO"]) {
    claim(`ADD_STREAM with ${code}: 11, and the connection goes on`, ({ relay, c, d }) =>
      Effect.gen(function* () {
        relay.faults.fail({ code, operation: "open", path: "refused", times: 1 })
        const add = () => c.ask("ADD_STREAM", Commands.addStream(13, { channel: "refused" }), 12)
        assert.strictEqual((yield* add()).readUInt32BE(8), 11)
        const again = yield* add()
        assert.strictEqual(again.readUInt32BE(8), 10)
        yield* both({ c, d, stream: again.readBigUInt64BE(0) }, 0)
        assert.lengthOf(errorsOf(relay), 1)
      })
    )
  }

  claim(
    "a directory that cannot be made: 25 for a session, 11 for a chunk, which ends the connection",
    ({ relay, c }) =>
      Effect.gen(function* () {
        relay.faults.fail({ code: "EROFS", operation: "mkdir", path: "refused" })
        const other = yield* relay.control
        yield* other.ask("VERSION", join(Commands.u32(2), Commands.u32(13)), 8)
        const reply = yield* other.ask("CREATE_SESSION", Commands.createSession(13, { name: "refused" }), 16)
        assert.deepStrictEqual([reply.readUInt32BE(8), other.peer.isClosed], [25, false])
        other.peer.finish()
        const payload = Commands.createTraceChunk(5, Commands.start, "refused")
        assert.strictEqual(yield* c.code("CREATE_TRACE_CHUNK", payload), 11)
        yield* until("control to be closed", () => c.peer.isClosed)
      })
  )

  claim("a rotation that cannot make its file: 153", ({ relay, c, stream }) =>
    Effect.gen(function* () {
      yield* c.createChunk(1)
      relay.faults.fail({ code: "ENOSPC", operation: "open", path: ".tmp_new_chunk" })
      assert.strictEqual(yield* c.rotate(1, [[stream, 1]]), 153)
      yield* until("control to be closed", () => c.peer.isClosed)
    })
  )

  claim("a chunk that cannot be archived: answered as always, logged once, its files where they were", (scene) =>
    Effect.gen(function* () {
      const { relay, c, stream, metadata, path } = scene
      yield* c.createChunk(1)
      yield* c.rotate(1, [
        [stream, 1],
        [metadata, 0]
      ])
      relay.faults.fail({ code: "EIO", operation: "rename", path: ".tmp_old_chunk" })
      assert.strictEqual(yield* c.closeChunk(0, Commands.closeCommands.move), 10)
      const exists = () => c.ask("TRACE_CHUNK_EXISTS", u64(0), 5)
      assert.strictEqual((yield* exists()).readUInt8(4), 0)
      assert.lengthOf(errorsOf(relay), 1)
      const data = relay.memory.read(`${output}/${path}/.tmp_old_chunk/ust/uid/0/64-bit/ch_0`)
      assert.isTrue(data?.equals(Commands.payload(16, 0)))
    })
  )

  claim("the output directory deleted underneath: packets go on into open files, new ones are refused", (scene) =>
    Effect.gen(function* () {
      const { relay, c, d, stream, bystander } = scene
      yield* both(scene, 1)
      yield* inFiles(scene, 1)
      const outside = relay.memory.service
      yield* Effect.orDie(outside.rename(`${output}/${scene.path}`, "/gone"))
      yield* both({ c, d, stream }, 2)
      yield* inFiles(scene, 2)
      assert.strictEqual(relay.memory.read("/gone/ust/uid/0/64-bit/ch_0")?.length, 48)
      const reply = yield* c.ask("ADD_STREAM", Commands.addStream(13, { channel: "late" }), 12)
      assert.strictEqual(reply.readUInt32BE(8), 11)
      assert.isFalse(bystander.c.peer.isClosed)
    })
  )
})

describe("a defect ends only what it is in", () => {
  claim("of a stream: the others of its session go on, and its memory and files come back", (scene) =>
    Effect.gen(function* () {
      const { relay, c, d, stream } = scene
      const broken = yield* c.addStream({ channel: "broken" })
      relay.faults.fail({ code: "bug", operation: "write", path: "broken", isDefect: true })
      d.deliver(packet(broken, 0, 50_000))
      yield* until("the stream to be gone", () => !relay.registry.streams.has(Number(broken)))
      yield* both({ c, d, stream }, 1)
      yield* inFiles(scene, 1)
      assert.isFalse(c.peer.isClosed || d.isClosed)
      assert.lengthOf(errorsOf(relay), 1)
      assert.strictEqual(relay.registry.pool.usedBytes, 0)
    })
  )

  claim("of a stream: who waits for its files is answered", (scene) =>
    Effect.gen(function* () {
      const { relay, c, d } = scene
      const broken = yield* c.addStream({ channel: "broken" })
      const release = relay.faults.stall("broken")
      relay.faults.fail({ code: "bug", operation: "write", path: "broken", isDefect: true })
      d.deliver(packet(broken, 0, 50_000))
      yield* until("the write to wait", () => relay.faults.stalledCount > 0)
      const stream = relay.registry.streams.get(Number(broken))
      const waiting = yield* Effect.forkChild(Effect.exit(stream?.log.written ?? Effect.void), {
        startImmediately: true
      })
      yield* release
      yield* until("the wait to end", () => waiting.pollUnsafe() !== undefined)
      const exit = waiting.pollUnsafe()
      assert.isTrue(exit?._tag === "Success" && exit.value._tag === "Failure", "bytes that are lost are not synced")
    })
  )

  claim("of what puts a chunk away: said once, and the next chunk does not wait for it", (scene) =>
    Effect.gen(function* () {
      const { relay, c, stream, metadata } = scene
      relay.faults.fail({ code: "bug", operation: "unlink", path: "victim", isDefect: true })
      yield* c.createChunk(1)
      yield* c.rotate(1, [
        [stream, 1],
        [metadata, 0]
      ])
      assert.strictEqual(yield* c.closeChunk(0, Commands.closeCommands.delete), 10)
      assert.strictEqual((yield* c.ask("TRACE_CHUNK_EXISTS", u64(0), 5)).readUInt8(4), 0)
      assert.lengthOf(errorsOf(relay), 1)
      assert.strictEqual(yield* c.createChunk(2), 11, "what could not be deleted is in its way")
    })
  )

  claim("of a session that is being made: its name is free again", ({ relay }) =>
    Effect.gen(function* () {
      const make = (sessionId: number) =>
        Effect.gen(function* () {
          const other = yield* relay.control
          yield* other.ask("VERSION", join(Commands.u32(2), Commands.u32(13)), 8)
          other.post("CREATE_SESSION", Commands.createSession(13, { name: "unmade", sessionId }))
          return other
        })
      relay.faults.fail({ code: "bug", operation: "mkdir", path: "unmade", isDefect: true, times: 1 })
      const first = yield* make(9)
      yield* until("its connection to be closed", () => first.peer.isClosed)
      const second = yield* make(10)
      const head = yield* second.take(16)
      const path = (yield* second.take(head.readUInt32BE(12))).toString("latin1")
      assert.match(path, /unmade-\d+-\d+\0$/)
      second.peer.finish()
      assert.lengthOf(errorsOf(relay), 1)
    })
  )

  claim("of a session's command: the session ends", ({ relay, c, stream }) =>
    Effect.gen(function* () {
      relay.faults.fail({ code: "bug", operation: "mkdir", path: "defective", isDefect: true })
      c.post("CREATE_TRACE_CHUNK", Commands.createTraceChunk(5, Commands.start, "defective"))
      yield* until("control to be closed", () => c.peer.isClosed)
      yield* until("the session's streams to be gone", () => !relay.registry.streams.has(Number(stream)))
      assert.lengthOf(errorsOf(relay), 1)
    })
  )

  claim("of a control connection: its session ends", ({ relay, c, stream }) =>
    Effect.gen(function* () {
      c.peer.onSend = () => {
        throw new Error("bug: injected")
      }
      c.post("TRACE_CHUNK_EXISTS", u64(0))
      yield* until("the session's streams to be gone", () => !relay.registry.streams.has(Number(stream)))
      assert.isTrue(c.peer.isClosed)
      assert.lengthOf(errorsOf(relay), 1)
      c.peer.onSend = undefined
    })
  )

  claim("a session that is aborted from inside is gone, and its connections are told", ({ relay, c, d, stream }) =>
    Effect.gen(function* () {
      const session = relay.registry.sessions.get(relay.registry.streams.get(Number(stream))?.session.id ?? 0)
      session?.abort("defect")
      yield* until("both to be closed", () => c.peer.isClosed && d.isClosed)
      yield* until("the session to be gone", () => !relay.registry.sessions.has(session?.id ?? 0))
    })
  )
})
