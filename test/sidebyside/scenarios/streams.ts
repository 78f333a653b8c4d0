/** ADD_STREAM, STREAMS_SENT, metadata, the pending checks and CLOSE_STREAM. */
import * as Commands from "../commands.ts"
import { opened, type Scenario, scenario } from "../scenario.ts"

const { join, noSeq, terminated, u32, u64 } = Commands

const addStreamBytes = (channel: string, path: string, channelLength: number, pathLength: number) =>
  join(u32(channelLength), u32(pathLength), u64(0), u64(0), u64(0), terminated(channel), terminated(path))

export const streams: ReadonlyArray<Scenario> = [
  scenario("ADD_STREAM before the first chunk fails and keeps the connection, the number is spent", function* (s) {
    const { c } = yield* s.recording({ chunk: "none" })
    yield* c.addStream()
    yield* c.addStream({ channel: "metadata" })
    yield* c.createChunk(0, Commands.start)
    yield* c.addStream()
  }),
  scenario("stream paths: leading slash, repeated slashes, dots, several levels", function* (s) {
    const { c } = yield* s.recording()
    for (const path of ["kernel", "/kernel2", "a//b", "a/./c", "ust/pid/app-295-20261121-013119", "x.y/..z", "tail/"]) {
      yield* c.addStream({ path })
    }
    yield* c.alive
  }),
  scenario("channel names with dots and blanks; the longest that a file system takes", function* (s) {
    const { c } = yield* s.recording()
    yield* c.addStream({ channel: "a..b" })
    yield* c.addStream({ channel: "with blank_0" })
    yield* c.addStream({ channel: ".hidden" })
    yield* c.addStream({ channel: "c".repeat(255) })
    yield* c.addStream({ channel: "c".repeat(256) })
    yield* c.addStream({ channel: "." })
    yield* c.alive
  }),
  scenario("ADD_STREAM requests that do not parse are answered and end the connection", function* (s) {
    const requests: ReadonlyArray<readonly [string, Buffer]> = [
      ["empty", Commands.none],
      ["short fixed part", Buffer.alloc(31)],
      ["no strings", addStreamBytes("", "", 5, 5).subarray(0, 32)],
      ["strings cut off", addStreamBytes("ch_0", "kernel", 5, 7).subarray(0, 40)],
      ["lengths beyond the payload", addStreamBytes("ch_0", "kernel", 200, 7)],
      ["channel name too long", addStreamBytes("c".repeat(264), "kernel", 265, 7)],
      ["path too long", addStreamBytes("ch_0", "p".repeat(255), 5, 256)],
      ["channel name without its NUL", addStreamBytes("ch_0", "kernel", 4, 7)],
      ["path without its NUL", addStreamBytes("ch_0", "kernel", 5, 6)]
    ]
    for (const [label, payload] of requests) {
      s.note(label)
      const { c } = yield* s.recording({ name: label.replaceAll(" ", "-") })
      yield* c.refused("ADD_STREAM", payload)
    }
  }),
  scenario("ADD_STREAM of old minors: short, and names that fill their field", function* (s) {
    const good = Commands.addStream(10, { path: "/vm/x/kernel" })
    const requests: ReadonlyArray<readonly [number, Buffer]> = [
      [10, good.subarray(0, 4375)],
      [7, good.subarray(0, 4360)],
      [10, join(Buffer.alloc(264, 0x61), good.subarray(264))],
      [10, join(good.subarray(0, 264), Buffer.alloc(4096, 0x61), good.subarray(4360))]
    ]
    for (const [minor, payload] of requests) {
      const { c } = yield* s.recording({ minor })
      yield* c.refused("ADD_STREAM", payload)
    }
  }),
  scenario("a stream path that is still absolute without its first slash, and an empty one", function* (s) {
    const { c } = yield* s.recording()
    yield* c.addStream({ path: "//abs" })
    yield* c.addStream({ path: "" })
    yield* c.addStream({ path: "/" })
    yield* c.alive
  }),
  scenario("a path through a regular file fails and keeps the connection", function* (s) {
    const { c, session } = yield* s.recording()
    yield* s.write(`${session.path}/ust`, "in the way")
    yield* c.addStream({ path: "ust/uid" })
    yield* c.addStream({ path: "kernel" })
    yield* c.alive
  }),
  scenario("the same stream twice: both have a number, the file is one", function* (s) {
    const { c, d, file } = yield* s.recording()
    const first = yield* c.addStream()
    yield* d.packet(first, 0)
    yield* s.fileSize(file("ch_0"), 16)
    yield* c.addStream()
    yield* s.fileSize(file("ch_0"), 0)
    yield* c.streamsSent
  }),
  scenario("STREAMS_SENT without streams, and again", function* (s) {
    const { c } = yield* s.recording()
    yield* c.streamsSent
    yield* c.addStream()
    yield* c.streamsSent
    yield* c.streamsSent
  }),
  scenario("metadata is appended with its padding and has no reply", function* (s) {
    const { c } = yield* s.recording()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.from("trace { major = 1; };"), 11)
    yield* c.metadata(metadata, Buffer.from("env { };"))
    yield* c.metadata(metadata, Buffer.from("event { };"), 5000)
    yield* c.alive
  }),
  scenario("metadata to a data stream is taken", function* (s) {
    const { c } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* c.metadata(stream, Buffer.from("not only metadata"))
    yield* c.alive
  }),
  scenario("metadata of 8 MiB in one command", function* (s) {
    const { c } = yield* s.recording()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.alloc(8 * 1024 * 1024, 0x20), 100)
    yield* c.alive
  }),
  scenario("SEND_METADATA refusals: unknown stream, nothing, short", function* (s) {
    for (const payload of [
      join(u64(99), u32(0), Buffer.from("x")),
      join(u64(1), u32(0)),
      join(u64(1), u32(8)),
      join(u64(1), u32(0)).subarray(0, 11)
    ]) {
      const { c } = yield* s.recording()
      yield* c.addStream({ channel: "metadata" })
      yield* c.refused("SEND_METADATA", payload)
    }
  }),
  scenario("RESET_METADATA starts the file again", function* (s) {
    const { c, file } = yield* s.recording()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.from("first"))
    yield* c.resetMetadata(metadata)
    yield* s.fileSize(file("metadata"), 0)
    yield* s.tree("reset")
    yield* c.metadata(metadata, Buffer.from("second"), 2)
    yield* c.alive
  }),
  scenario("RESET_METADATA refusals: unknown stream, data stream, live session, short", function* (s) {
    const one = yield* s.recording()
    yield* one.c.refused("RESET_METADATA", join(u64(77), u64(0)))
    const two = yield* s.recording()
    const stream = yield* two.c.addStream()
    yield* two.c.refused("RESET_METADATA", join(u64(stream), u64(0)))
    const three = yield* s.recording({ liveTimer: 1000 })
    const metadata = yield* three.c.addStream({ channel: "metadata" })
    yield* three.c.refused("RESET_METADATA", join(u64(metadata), u64(0)))
    const four = yield* s.recording()
    yield* four.c.refused("RESET_METADATA", u64(1))
  }),
  scenario("pending checks: unknown sessions and streams", function* (s) {
    const { c, session } = yield* s.recording()
    yield* c.beginPending(session.id)
    yield* c.beginPending(99n)
    yield* c.quiescent(99n)
    yield* c.endPending(session.id)
    yield* c.endPending(99n)
    yield* c.refused("DATA_PENDING", join(u64(99), u64(0)))
  }),
  scenario("pending checks: a stream that nobody asked about is pending, asked or closed is not", function* (s) {
    const { c, session } = yield* s.recording()
    const a = yield* c.addStream({ channel: "a" })
    const b = yield* c.addStream({ channel: "b" })
    yield* c.endPending(session.id)
    yield* c.beginPending(session.id)
    yield* c.quiescent(a)
    yield* c.endPending(session.id)
    yield* c.dataPending(b, noSeq)
    yield* c.endPending(session.id)
    yield* c.beginPending(session.id)
    yield* c.closeStream(a, noSeq)
    yield* c.endPending(session.id)
    yield* c.closeStream(b, noSeq)
    yield* c.endPending(session.id)
  }),
  scenario("DATA_PENDING compares the lesser of data and index, wrapping", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    for (const last of [0, 5, noSeq, 2n ** 63n]) yield* c.dataPending(stream, last)
    yield* d.packet(stream, 0)
    yield* s.fileSize(file("ch_0"), 16)
    yield* c.dataPending(stream, 0)
    yield* c.index(stream, { seq: 0 })
    yield* d.packet(stream, 1)
    yield* s.fileSize(file("ch_0"), 32)
    for (const last of [0, 1, noSeq]) yield* c.dataPending(stream, last)
    yield* c.index(stream, { seq: 1 })
    for (const last of [0, 1, 2, noSeq]) yield* c.dataPending(stream, last)
    yield* c.index(stream, { seq: 2 })
    yield* c.dataPending(stream, 2)
    yield* d.packet(stream, 2)
    yield* s.fileSize(file("ch_0"), 48)
  }),
  scenario("pending checks of a session without indexes look at the data only", function* (s) {
    const { c, d, file } = yield* s.recording({ snapshot: true })
    const stream = yield* c.addStream()
    yield* c.dataPending(stream, 0)
    yield* d.packet(stream, 7)
    yield* s.fileSize(file("ch_0"), 16)
    for (const last of [6, 7, 8]) yield* c.dataPending(stream, last)
  }),
  scenario("pending checks of another connection's session work: numbers are global", function* (s) {
    const a = yield* s.recording()
    const b = yield* s.recording()
    const stream = yield* a.c.addStream()
    yield* b.c.endPending(a.session.id)
    yield* b.c.quiescent(stream)
    yield* b.c.endPending(a.session.id)
  }),
  scenario("CLOSE_STREAM: unknown, twice, short", function* (s) {
    const one = yield* s.recording()
    const stream = yield* one.c.addStream()
    yield* one.c.closeStream(stream, noSeq)
    yield* one.c.refused("CLOSE_STREAM", join(u64(stream), u64(noSeq)))
    const two = yield* s.recording()
    yield* two.c.refused("CLOSE_STREAM", join(u64(50), u64(0)))
    const three = yield* s.recording()
    yield* three.c.refused("CLOSE_STREAM", u64(1))
  }),
  scenario("short requests of every command close without a reply", function* (s) {
    const requests: ReadonlyArray<readonly [Commands.Name, number]> = [
      ["SEND_INDEX", 79],
      ["DATA_PENDING", 15],
      ["QUIESCENT_CONTROL", 7],
      ["BEGIN_DATA_PENDING", 7],
      ["END_DATA_PENDING", 7],
      ["ROTATE_STREAMS", 12],
      ["ROTATE_STREAMS", 21],
      ["CREATE_TRACE_CHUNK", 19],
      ["CLOSE_TRACE_CHUNK", 20],
      ["TRACE_CHUNK_EXISTS", 7]
    ]
    for (const [name, size] of requests) {
      const { c } = yield* s.recording()
      yield* c.refused(name, Buffer.alloc(size))
    }
  }),
  scenario(
    "stream paths with a dot-dot component, and channel names that are paths, are refused",
    function* (s) {
      const { c } = yield* s.recording({ basePath: "b" })
      yield* c.addStream({ path: "a/../b" })
      yield* c.addStream({ path: ".." })
      yield* c.addStream({ channel: ".." })
      yield* c.addStream({ channel: "a/b" })
      yield* c.addStream({ channel: "" })
      yield* c.alive
    },
    {
      oursOnly: {
        reason: "2.13.9 accepts them; later releases refuse",
        transcript: [
          ...opened("h/b"),
          ...Array.from({ length: 5 }, () => "C1 ADD_STREAM → ffffffffffffffff0000000b"),
          "C1 START_DATA → 0000000a"
        ],
        tree: ["h/ 0750", "h/b/ 0750"]
      }
    }
  ),
  scenario(
    "a tracefile size without a tracefile count is refused",
    function* (s) {
      const { c } = yield* s.recording({ basePath: "b" })
      yield* c.command("ADD_STREAM", Commands.addStream(13, { fileSize: 4096, fileCount: 0 }), 8)
      yield* c.reply("code", 4)
      yield* c.alive
    },
    {
      oursOnly: {
        reason: "2.13.9 divides by zero when the file is full",
        transcript: [
          ...opened("h/b"),
          "C1 ADD_STREAM → 0000000000000001",
          "C1 code → 0000000b",
          "C1 START_DATA → 0000000a"
        ]
      }
    }
  )
]
