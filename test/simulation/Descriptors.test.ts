/** The real daemon at the limit of its descriptors: what it accepted it records, and who comes too late is told so. */
import { readdirSync, readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, type Scope } from "effect"
import * as Commands from "../sidebyside/commands.ts"
import * as Process from "../support/process.ts"
import * as Wire from "../support/wire.ts"
import * as Limited from "./limited.ts"

const { message, numbers, noSeq, u32, u64 } = Commands
const minor = 13
const batchCount = 100

/** A session on a pair of connections, its commands pipelined. */
const open = (relay: Limited.Limited, name: string, sessionId: number) =>
  Effect.gen(function* () {
    // A machine with other work to do takes its time for thousands of files.
    const limit = Duration.seconds(30)
    const c = yield* Wire.connect(relay.controlPort, "127.0.0.1", limit)
    const d = yield* Wire.connect(relay.dataPort, "127.0.0.1", limit)
    /** In batches, so that each is answered within the limit of a read. */
    const pipeline = (messages: ReadonlyArray<Buffer>, replyBytes: number) =>
      Effect.gen(function* () {
        const replies: Array<Buffer> = []
        for (let at = 0; at < messages.length; at += batchCount) {
          const batch = messages.slice(at, at + batchCount)
          yield* c.send(Buffer.concat(batch))
          for (const _ of batch) replies.push(Buffer.from(yield* c.read(replyBytes)))
        }
        return replies
      })
    const codes = (messages: ReadonlyArray<Buffer>) =>
      Effect.map(pipeline(messages, 4), (replies) => replies.map((reply) => reply.readUInt32BE()))
    yield* pipeline([message(numbers.VERSION, Buffer.concat([u32(2), u32(minor)]))], 8)
    const payload = Commands.createSession(minor, { name, sessionId })
    const [head] = yield* pipeline([message(numbers.CREATE_SESSION, payload)], 16)
    const path = (yield* c.read(head?.readUInt32BE(12) ?? 0)).toString("latin1").replace("\0", "")
    yield* codes([message(numbers.CREATE_TRACE_CHUNK, Commands.createTraceChunk(0, Commands.start))])
    return { c, d, pipeline, codes, directory: join(relay.output, path, "ust/uid/0/64-bit") }
  })

const packet = (stream: bigint, seq: number, size: number) =>
  Buffer.concat([Commands.packetHeader(stream, seq, size, 0), Commands.payload(size, seq)])
const index = (stream: bigint, seq: number, bytes: number) =>
  message(numbers.SEND_INDEX, Commands.sendIndex(minor, stream, { seq, bytes }))
const isPending = (stream: bigint, last: number) =>
  message(numbers.DATA_PENDING, Buffer.concat([u64(stream), u64(last)]))

const alive = (relay: Limited.Limited) => {
  const outcome = relay.process.outcome()
  assert.isUndefined(outcome, `the relay ended: ${outcome?.stderr.slice(-2000)}`)
}

/** Connects without saying anything; null when it is closed again at once. */
const idle = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Socket | null>((resume) => {
      const socket = connect({ port, host: "127.0.0.1" })
      socket.on("error", () => resume(Effect.succeed(null)))
      socket.once("connect", () => resume(Effect.succeed(socket)))
      socket.resume()
    }),
    (socket) => Effect.sync(() => socket?.destroy())
  )

describe("256 descriptors", () => {
  const claim = (what: string, body: (relay: Limited.Limited) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it.live(what, () => Effect.scoped(Effect.flatMap(Limited.start(256), body)))

  claim("carry 2,000 streams with their indexes: nothing is lost", (relay) =>
    Effect.gen(function* () {
      const { d, pipeline, codes, directory } = yield* open(relay, "many", 1)
      const count = 2000
      const add = Array.from({ length: count }, (_, at) =>
        message(numbers.ADD_STREAM, Commands.addStream(minor, { channel: `ch_${at}` }))
      )
      const streams = (yield* pipeline(add, 12)).map((reply) => {
        assert.strictEqual(reply.readUInt32BE(8), 10)
        return reply.readBigUInt64BE(0)
      })
      for (const seq of [0, 1]) {
        yield* d.send(Buffer.concat(streams.map((stream) => packet(stream, seq, 100))))
        const answers = yield* codes(streams.map((stream) => index(stream, seq, 100)))
        assert.isTrue(answers.every((answer) => answer === 10))
      }
      yield* Process.until("all to be in the files", codes(streams.map((stream) => isPending(stream, 1))), (answers) =>
        answers.every((a) => a === 0)
      )
      const data = Buffer.concat([Commands.payload(100, 0), Commands.payload(100, 1)])
      assert.strictEqual(readdirSync(join(directory, "index")).length, count)
      for (let at = 0; at < count; at++) {
        assert.isTrue(readFileSync(join(directory, `ch_${at}`)).equals(data), `ch_${at}`)
        const records = readFileSync(join(directory, `index/ch_${at}.idx`))
        assert.strictEqual(records.length, 16 + 2 * 72)
        assert.strictEqual(records.readBigUInt64BE(16 + 72), 100n)
      }
      const close = streams.map((stream) => message(numbers.CLOSE_STREAM, Buffer.concat([u64(stream), u64(noSeq)])))
      assert.isTrue((yield* codes(close)).every((answer) => answer === 10))
      alive(relay)
    })
  )

  claim("withstand 500 idle connections: a session that records goes on, new ones come when they have gone", (relay) =>
    Effect.gen(function* () {
      const session = yield* open(relay, "busy", 1)
      const add = Array.from({ length: 60 }, (_, at) =>
        message(numbers.ADD_STREAM, Commands.addStream(minor, { channel: `ch_${at}` }))
      )
      const streams = (yield* session.pipeline(add, 12)).map((reply) => reply.readBigUInt64BE(0))
      const round = (seq: number) =>
        Effect.gen(function* () {
          yield* session.d.send(Buffer.concat(streams.map((stream) => packet(stream, seq, 50))))
          const answers = yield* session.codes(streams.map((stream) => index(stream, seq, 50)))
          assert.isTrue(answers.every((answer) => answer === 10))
        })
      yield* round(0)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const ports = [relay.controlPort, relay.dataPort]
          const numbered = Array.from({ length: 500 }, (_, at) => ports[at % 2] as number)
          const sockets = yield* Effect.forEach(numbered, idle, { concurrency: 50 })
          yield* Process.until("some to be refused", () =>
            sockets.some((socket) => socket === null || socket.destroyed || socket.readableEnded)
          )
          for (const seq of [1, 2, 3]) yield* round(seq)
          alive(relay)
        })
      )
      yield* Process.until(
        "a new session to be taken",
        Effect.scoped(open(relay, "late", 2)).pipe(
          Effect.as(true),
          Effect.catch(() => Effect.succeed(false))
        ),
        { everyMillis: 50 }
      )
      yield* Process.until(
        "all to be in the files",
        session.codes(streams.map((stream) => isPending(stream, 3))),
        (a) => a.every((each) => each === 0)
      )
      for (let at = 0; at < streams.length; at++) {
        assert.strictEqual(readFileSync(join(session.directory, `ch_${at}`)).length, 4 * 50)
        assert.strictEqual(readFileSync(join(session.directory, `index/ch_${at}.idx`)).length, 16 + 4 * 72)
      }
    })
  )
})

describe("no descriptor left to accept with", () => {
  it.live("is no end: connections are taken again when others have gone", () =>
    Effect.gen(function* () {
      const program = fileURLToPath(new URL("crowded.ts", import.meta.url))
      const crowded = yield* Process.daemon("sh", ["-c", 'ulimit -n 64; exec "$@"', "sh", process.execPath, program])
      const port = Number.parseInt(yield* Process.said(crowded, "\n"), 10)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const numbered = Array.from({ length: 100 }, () => port)
          const sockets = yield* Effect.forEach(numbered, idle, { concurrency: 20 })
          yield* Process.until(
            "those beyond the descriptors to be closed",
            () => sockets.filter((socket) => socket === null || socket.closed).length > 36
          )
          assert.isUndefined(crowded.outcome())
        })
      )
      yield* Process.until(
        "a greeting",
        Wire.connect(port).pipe(
          Effect.flatMap((wire) => wire.read(5)),
          Effect.map((greeting) => greeting.toString() === "hello"),
          Effect.scoped,
          Effect.catch(() => Effect.succeed(false))
        )
      )
      assert.isUndefined(crowded.outcome())
    })
  )
})
