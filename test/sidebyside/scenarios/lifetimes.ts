/** How sessions, streams and connections end, in every order. */
import * as Commands from "../commands.ts"
import { opened, type Scenario, scenario } from "../scenario.ts"

const { closeCommands, join, noSeq, packetHeader, sendIndex, start, u64 } = Commands

export const lifetimes: ReadonlyArray<Scenario> = [
  scenario("control ends with all data in: streams are closed, data for them is refused", function* (s) {
    const { c, d, file, recorded } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* c.close
    yield* s.untilClosed(stream)
    yield* d.packet(stream, 1)
    yield* d.closes()
  }),
  scenario("control ends with an index whose packet is missing: the stream waits for it", function* (s) {
    const { c, d, file, recorded } = yield* s.recording()
    const stream = yield* c.addStream()
    const other = yield* c.addStream({ channel: "other" })
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* c.index(stream, { seq: 1 })
    yield* c.close
    yield* s.untilClosed(other)
    yield* d.packet(stream, 1)
    yield* s.untilClosed(stream)
    yield* d.packet(stream, 2)
    yield* d.closes()
  }),
  scenario("control ends with a packet whose index is missing: the data stays, the index has no record", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0)
    yield* s.fileSize(file("ch_0"), 16)
    yield* c.close
    yield* s.untilClosed(stream)
  }),
  scenario("a refused command closes all streams of the session, data in flight or not", function* (s) {
    const { c, d, file, recorded } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* c.index(stream, { seq: 1 })
    yield* c.refused("DATA_PENDING", join(u64(99), u64(0)))
    yield* s.untilClosed(stream)
    yield* d.packet(stream, 1)
    yield* d.closes()
  }),
  scenario("the data connection ends in the middle of a packet: the part stays, the streams are closed", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.raw(join(packetHeader(stream, 0, 20, 5), Buffer.alloc(9, 1)))
    yield* s.fileSize(file("ch_0"), 9)
    yield* d.close
    yield* s.untilClosed(stream)
    yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 0 }))
  }),
  scenario("losing the data connection closes the session's streams", function* (s) {
    const { c, d, file, recorded } = yield* s.recording()
    const stream = yield* c.addStream()
    const other = yield* c.addStream({ channel: "other" })
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* d.reset
    yield* s.untilClosed(stream)
    yield* s.untilClosed(other)
    yield* c.refused("CLOSE_STREAM", join(u64(other), u64(noSeq)))
  }),
  scenario("streams that are added after the data connection is lost are recorded over another one", function* (s) {
    const { c, d, file, recorded } = yield* s.recording()
    const metadata = yield* c.addStream({ channel: "metadata" })
    const stream = yield* c.addStream()
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* d.raw(join(packetHeader(stream, 1, 20, 0), Buffer.alloc(9, 1)))
    yield* s.fileSize(file("ch_0"), 25)
    yield* d.close
    yield* s.untilClosed(metadata)
    yield* s.untilClosed(stream)
    const later = yield* c.addStream({ channel: "later" })
    yield* c.streamsSent
    const second = yield* s.data
    yield* second.packet(later, 0)
    yield* s.fileSize(file("later"), 16)
    yield* c.index(later, { seq: 0 })
    yield* c.dataPending(later, 0)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[later, 1]])
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* second.packet(later, 1)
    yield* s.totalBytes("later", 32)
    yield* c.index(later, { seq: 1, packetSeq: 1 })
    yield* second.reset
    yield* s.untilClosed(later)
    const last = yield* c.addStream({ channel: "last" })
    yield* c.close
    yield* s.untilClosed(last)
  }),
  scenario("losing a data connection that never carried a payload has no effect", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.raw(packetHeader(stream, 0, 5, 0).subarray(0, 20))
    yield* d.close
    const again = yield* s.data
    yield* again.packet(stream, 0)
    yield* s.fileSize(file("ch_0"), 16)
    yield* c.index(stream, { seq: 0 })
    yield* c.dataPending(stream, 0)
  }),
  scenario("CLOSE_STREAM before the last packet: the stream takes it and is gone", function* (s) {
    const { c, d, file, recorded } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* c.index(stream, { seq: 1 })
    yield* c.closeStream(stream, 1)
    yield* c.dataPending(stream, 1)
    yield* d.packet(stream, 1)
    yield* s.untilClosed(stream)
    yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 2 }))
  }),
  scenario("CLOSE_STREAM with its last packet's index missing: closed, the late index is refused", function* (s) {
    const { c, d, file } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0)
    yield* s.fileSize(file("ch_0"), 16)
    yield* c.closeStream(stream, 0)
    yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 0 }))
  }),
  scenario("the data connection ends behind a packet's header: rings have moved", function* (s) {
    const { c, d, file } = yield* s.recording()
    const rings = [
      { name: "two_0", fileCount: 2, next: "two_0_1" },
      { name: "one_0", fileCount: 1, next: "one_0_0" }
    ]
    for (const { fileCount, name, next } of rings) {
      const other = yield* s.data
      const stream = yield* c.addStream({ channel: name, fileSize: 20, fileCount })
      yield* other.packet(stream, 0, 16)
      yield* c.index(stream, { seq: 0, bytes: 16 })
      yield* s.fileSize(file(`${name}_0`), 16)
      yield* other.raw(packetHeader(stream, 1, 16, 0))
      yield* other.close
      yield* s.untilClosed(stream)
      yield* s.fileSize(file(next), 0)
    }
    yield* d.close
    yield* c.close
  }),
  scenario("control ends in the middle of a header, and of a payload", function* (s) {
    const one = yield* s.recording()
    const stream = yield* one.c.addStream()
    yield* one.c.raw(Buffer.alloc(11))
    yield* one.c.close
    yield* s.untilClosed(stream)
    const two = yield* s.recording()
    const other = yield* two.c.addStream()
    yield* two.c.raw(Commands.message(1, Buffer.alloc(40)).subarray(0, 50))
    yield* two.c.close
    yield* s.untilClosed(other)
  }),
  scenario("control is reset", function* (s) {
    const { c, d } = yield* s.recording()
    const stream = yield* c.addStream()
    yield* c.reset
    yield* s.untilClosed(stream)
    yield* d.packet(stream, 0)
    yield* d.closes()
  }),
  scenario("control half-closes after a command: the command is still answered", function* (s) {
    const { c } = yield* s.recording()
    yield* c.raw(Commands.message(22, u64(0)))
    yield* c.end
    yield* c.closes()
  }),
  scenario("control ends in the middle of a rotation: the temporary directories stay", function* (s) {
    const { c } = yield* s.recording({ basePath: "r" })
    const a = yield* c.addStream({ channel: "a" })
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[metadata, 0]])
    yield* c.close
    yield* s.untilClosed(a)
    yield* s.untilClosed(metadata)
    yield* s.tree("left")
  }),
  scenario("control ends after a close with move, before the streams rotated: the chunk is archived", function* (s) {
    const { c, session } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "a" })
    yield* c.createChunk(1, start + 10)
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.close
    yield* s.untilClosed(stream)
    yield* s.exists(`${session.path}/archives/20231114T221320+0000-20231114T221330+0000-0/ust`)
    yield* s.tree("archived")
  }),
  scenario("the relay is stopped with a chunk that was closed with move: it is archived", function* (s) {
    const { c, d, file } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "a" })
    yield* d.packet(stream, 0)
    yield* s.fileSize(file("a"), 16)
    yield* c.createChunk(1, start + 10)
    yield* c.closeChunk(0, start + 10, closeCommands.move)
  }),
  scenario(
    "the last connection takes streams with it that still wait for a packet",
    function* (s) {
      const { c, d, file, recorded } = yield* s.recording({ basePath: "b" })
      const stream = yield* c.addStream()
      yield* recorded(stream, 0, file("ch_0"), 16)
      yield* c.index(stream, { seq: 1 })
      yield* c.close
      yield* d.close
      yield* s.untilClosed(stream)
    },
    {
      oursOnly: {
        reason: "2.13.9 keeps the stream for ever",
        transcript: [
          ...opened("h/b"),
          "C1 ADD_STREAM → 00000000000000010000000a",
          "C1 SEND_INDEX → 0000000a",
          "C1 SEND_INDEX → 0000000a"
        ]
      }
    }
  )
]
