/** ROTATE_STREAMS: what moves when, for every relation of position, data and index. */
import { Effect } from "effect"
import * as Commands from "../commands.ts"
import { opened, type Scenario, scenario } from "../scenario.ts"
import type * as Script from "../script.ts"

const { closeCommands, noSeq, start } = Commands

/** The directory of an open chunk of that age; all scenarios run within one minute. */
export const chunkName = (after: number, id: number): string => `20231114T2213${20 + after}+0000-${id}`

/** A stream with `count` packets and their indexes in the chunk's files. */
const streamWith = (recording: Script.Recording, count: number, stream: Commands.Stream = {}) =>
  Effect.gen(function* () {
    const { c, file, recorded } = recording
    const name = stream.channel ?? "ch_0"
    const handle = yield* c.addStream(stream)
    for (let seq = 0; seq < count; seq += 1) {
      yield* recorded(handle, seq, file(name), 16 * (seq + 1))
    }
    // The answer 0 is what promises that the records are in the files.
    if (count > 0) yield* c.dataPending(handle, count - 1)
    return handle
  })

const recordingOf = (s: Script.Script) => s.recording({ basePath: "r" })

const streaming = function* (s: Script.Script, count: number) {
  const recording = yield* recordingOf(s)
  return { ...recording, stream: yield* streamWith(recording, count) }
}

export const rotations: ReadonlyArray<Scenario> = [
  scenario("a rotation at the next packet happens at once", function* (s) {
    const { c, file, recorded, stream } = yield* streaming(s, 2)
    yield* c.createChunk(1, start + 10)
    yield* s.tree("created")
    yield* c.rotate(1, [[stream, 2]])
    yield* s.exists(file("ch_0", ".tmp_new_chunk"))
    yield* s.tree("rotated")
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* recorded(stream, 2, file("ch_0", chunkName(10, 1)), 16)
    yield* c.dataPending(stream, 2)
    yield* c.chunkExists(1)
    yield* s.tree("after")
    yield* c.closeStream(stream, 2)
    yield* c.closeChunk(1, start + 20, closeCommands.move)
    yield* c.untilChunkGone(1)
  }),
  scenario("a chunk moves up from its temporary directory, also where the base path ends in a slash", function* (s) {
    for (const [count, command] of [closeCommands.delete, closeCommands.nothing].entries()) {
      const recording = yield* s.recording({ basePath: `r${count}/` })
      const { c } = recording
      const stream = yield* streamWith(recording, 1, { channel: `ch_${count}` })
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [[stream, 1]])
      yield* c.closeChunk(0, start + 10, command)
      yield* c.untilChunkGone(0)
      yield* c.closeStream(stream, 0)
    }
  }),
  scenario("a rotation ahead of the packets waits for data and index, across the close", function* (s) {
    const { c, d, file, recorded, stream } = yield* streaming(s, 1)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 3]])
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.chunkExists(0)
    yield* s.tree("pending")
    yield* recorded(stream, 1, file("ch_0", ".tmp_old_chunk"), 32)
    yield* c.index(stream, { seq: 2 })
    yield* c.chunkExists(0)
    yield* d.packet(stream, 2)
    yield* c.untilChunkGone(0)
    yield* recorded(stream, 3, file("ch_0", chunkName(10, 1)), 16)
    yield* c.dataPending(stream, 3)
  }),
  scenario("indexes already beyond the position: all of them stay in the old chunk", function* (s) {
    const { c, file, recorded, stream } = yield* streaming(s, 4)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 2]])
    yield* c.closeChunk(0, start + 11, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* recorded(stream, 4, file("ch_0", chunkName(10, 1)), 16)
  }),
  scenario("packet numbers may jump over the position", function* (s) {
    const { c, d, file, stream } = yield* streaming(s, 1)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 5]])
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* d.packet(stream, 1)
    yield* s.fileSize(file("ch_0", ".tmp_old_chunk"), 32)
    yield* c.index(stream, { seq: 1, packetSeq: 9 })
    yield* c.untilChunkGone(0)
    yield* d.packet(stream, 2)
    yield* s.fileSize(file("ch_0", chunkName(10, 1)), 16)
    yield* c.index(stream, { seq: 2, packetSeq: 10 })
  }),
  scenario("no packet yet: the first is stored in the old chunk, even for position 0", function* (s) {
    const { c, file, recorded, stream } = yield* streaming(s, 0)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 0]])
    yield* c.chunkExists(0)
    yield* recorded(stream, 0, file("ch_0", ".tmp_old_chunk"), 16)
    yield* recorded(stream, 1, file("ch_0", ".tmp_new_chunk"), 16)
    yield* c.closeChunk(0, start + 12, closeCommands.move)
    yield* c.untilChunkGone(0)
  }),
  scenario("a rotation on the last index: index before data, data before index", function* (s) {
    const recording = yield* recordingOf(s)
    const { c, d, file, recorded } = recording
    const a = yield* streamWith(recording, 1, { channel: "a" })
    const b = yield* streamWith(recording, 1, { channel: "b" })
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [
      [a, 2],
      [b, 2]
    ])
    yield* c.index(a, { seq: 1 })
    yield* d.packet(a, 1)
    yield* s.fileSize(file("a", ".tmp_old_chunk"), 32)
    yield* recorded(b, 1, file("b", ".tmp_old_chunk"), 32)
    yield* c.dataPending(a, 1)
    yield* c.dataPending(b, 1)
    yield* s.exists(file("a", ".tmp_new_chunk"))
    yield* s.exists(file("b", ".tmp_new_chunk"))
    yield* s.tree("both rotated")
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
    for (const [stream, name] of [
      [a, "a"],
      [b, "b"]
    ] as const) {
      yield* c.index(stream, { seq: 2 })
      yield* d.packet(stream, 2)
      yield* s.fileSize(file(name, chunkName(10, 1)), 16)
      yield* c.dataPending(stream, 2)
    }
  }),
  scenario("metadata rotates at once and starts empty", function* (s) {
    const { c } = yield* recordingOf(s)
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.from("whole"))
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[metadata, 77]])
    yield* c.metadata(metadata, Buffer.from("whole again"))
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
  }),
  scenario("rotation to no chunk and on to a later one", function* (s) {
    const { c, file, recorded, stream } = yield* streaming(s, 2)
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.metadata(metadata, Buffer.from("meta"))
    yield* c.rotate(undefined, [[stream, 2]])
    yield* c.rotate(undefined, [[metadata, 0]])
    yield* c.closeChunk(0, start + 5, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* s.tree("stopped")
    yield* c.index(stream, { seq: 1, bytes: 0, end: 7000 })
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [
      [stream, 2],
      [metadata, 0]
    ])
    yield* c.metadata(metadata, Buffer.from("meta again"))
    yield* recorded(stream, 2, file("ch_0", chunkName(10, 1)), 16)
    yield* c.dataPending(stream, 2)
  }),
  scenario("a packet for a stream without chunk closes the data connection", function* (s) {
    const { c, d, stream } = yield* streaming(s, 1)
    yield* c.rotate(undefined, [[stream, 1]])
    yield* d.packet(stream, 1)
    yield* d.closes()
  }),
  scenario("metadata for a stream without chunk closes the control connection", function* (s) {
    const { c } = yield* recordingOf(s)
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.rotate(undefined, [[metadata, 0]])
    yield* c.metadata(metadata, Buffer.from("late"))
    yield* c.closes()
  }),
  scenario("rotating away from data that came without its index towards no chunk is refused", function* (s) {
    const { c, d, file, stream } = yield* streaming(s, 1)
    yield* d.packet(stream, 1)
    yield* s.fileSize(file("ch_0"), 32)
    yield* c.refused("ROTATE_STREAMS", Commands.rotateStreams(undefined, [[stream, 1]]))
  }),
  scenario("a rotation while one is pending is refused", function* (s) {
    const { c, stream } = yield* streaming(s, 1)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 9]])
    yield* c.refused("ROTATE_STREAMS", Commands.rotateStreams(1, [[stream, 9]]))
  }),
  scenario("rotation to an unknown chunk, of an unknown stream", function* (s) {
    const one = yield* recordingOf(s)
    const stream = yield* streamWith(one, 1)
    yield* one.c.refused("ROTATE_STREAMS", Commands.rotateStreams(5, [[stream, 1]]))
    const two = yield* s.recording({ basePath: "two" })
    const known = yield* streamWith(two, 1)
    yield* two.c.createChunk(1, start + 10)
    const positions = [
      [known, 1],
      [99n, 1]
    ] as const
    yield* two.c.refused("ROTATE_STREAMS", Commands.rotateStreams(1, positions))
  }),
  scenario("the three header layouts; no positions at all", function* (s) {
    const recording = yield* recordingOf(s)
    const { c } = recording
    const a = yield* streamWith(recording, 1, { channel: "a" })
    const b = yield* streamWith(recording, 1, { channel: "b" })
    const third = yield* streamWith(recording, 1, { channel: "c" })
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[a, 1]], 0)
    yield* c.rotate(1, [[b, 1]], 3)
    yield* c.rotate(1, [[third, 1]], 7)
    yield* c.rotate(1, [])
    yield* c.rotate(undefined, [], 0)
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
  }),
  scenario("a ring starts again at file 0 in the new chunk", function* (s) {
    const { c, d, file, recorded } = yield* recordingOf(s)
    const stream = yield* c.addStream({ fileSize: 16, fileCount: 2 })
    for (const [seq, name] of ["ch_0_0", "ch_0_1", "ch_0_0"].entries()) {
      yield* d.packet(stream, seq, 14 + seq)
      yield* s.fileSize(file(name), 14 + seq)
      yield* c.index(stream, { seq, bytes: 14 + seq })
    }
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 3]])
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
    for (const [seq, name] of [
      [3, "ch_0_0"],
      [4, "ch_0_1"]
    ] as const) {
      yield* recorded(stream, seq, file(name, chunkName(10, 1)), 16)
    }
  }),
  scenario("three rotations in a row, a stream added in each chunk", function* (s) {
    const { c, file, recorded, stream: first } = yield* streaming(s, 1)
    for (const round of [1, 2, 3]) {
      yield* c.createChunk(round, start + 10 * round)
      yield* c.rotate(round, [[first, round]])
      yield* c.closeChunk(round - 1, start + 10 * round, closeCommands.move)
      yield* c.untilChunkGone(round - 1)
      yield* recorded(first, round, file("ch_0", chunkName(10 * round, round)), 16)
      yield* c.dataPending(first, round)
      const added = yield* c.addStream({ channel: `added${round}` })
      yield* c.closeStream(added, noSeq)
    }
    yield* s.tree("before the end")
  }),
  scenario(
    "packets of the new chunk that are already in the old file move, their indexes follow",
    function* (s) {
      const recording = yield* recordingOf(s)
      const { c, d, file } = recording
      const stream = yield* streamWith(recording, 1)
      yield* d.packet(stream, 1, 4)
      yield* d.packet(stream, 2, 4)
      yield* s.fileSize(file("ch_0"), 24)
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [[stream, 1]])
      yield* s.fileSize(file("ch_0", ".tmp_new_chunk"), 8)
      yield* s.fileSize(file("ch_0", ".tmp_old_chunk"), 16)
      yield* c.index(stream, { seq: 1, bytes: 4 })
      yield* c.index(stream, { seq: 2, bytes: 4 })
      yield* c.dataPending(stream, 2)
      yield* c.closeStream(stream, 2)
      yield* c.closeChunk(0, start + 10, closeCommands.delete)
      yield* c.untilChunkGone(0)
    },
    {
      oursOnly: {
        reason: "2.13.9 crashes",
        transcript: [
          ...opened("h/r"),
          "C1 ADD_STREAM → 00000000000000010000000a",
          "C1 SEND_INDEX → 0000000a",
          "C1 DATA_PENDING → 00000000",
          "C1 CREATE_TRACE_CHUNK → 0000000a",
          "C1 ROTATE_STREAMS → 0000000a",
          "C1 SEND_INDEX → 0000000a",
          "C1 SEND_INDEX → 0000000a",
          "C1 DATA_PENDING → 00000000",
          "C1 CLOSE_STREAM → 0000000a",
          "C1 CLOSE_TRACE_CHUNK → 0000000a00000004",
          "C1 CLOSE_TRACE_CHUNK path → 682f7200",
          "C1 CLOSE_TRACE_CHUNK path = h/r",
          "C1 chunk 0 is gone"
        ],
        tree: [
          "h/ 0750",
          "h/r/ 0750",
          "h/r/ust/ 0750",
          "h/r/ust/uid/ 0750",
          "h/r/ust/uid/0/ 0750",
          "h/r/ust/uid/0/64-bit/ 0750",
          "h/r/ust/uid/0/64-bit/ch_0 0640 8 0202020203030303",
          "h/r/ust/uid/0/64-bit/index/ 0750",
          `h/r/ust/uid/0/64-bit/index/ch_0.idx 0640 160 ${[
            "c1f1dcc1000000010000000100000048",
            "00000000000000000000000000000020000000000000002000000000000003f200000000000003fb",
            "0000000000000000000000000000000000000000000000070000000000000001",
            "00000000000000040000000000000020000000000000002000000000000003fc0000000000000405",
            "0000000000000000000000000000000000000000000000070000000000000002"
          ].join("")}`
        ]
      }
    }
  ),
  scenario(
    "a rotation in the middle of a packet leaves the packet whole",
    function* (s) {
      const recording = yield* recordingOf(s)
      const { c, d, file } = recording
      const stream = yield* streamWith(recording, 1)
      yield* d.raw(Commands.join(Commands.packetHeader(stream, 1, 8, 0), Buffer.alloc(3, 1)))
      yield* s.fileSize(file("ch_0"), 19)
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [[stream, 1]])
      yield* d.raw(Buffer.alloc(5, 2))
      yield* c.closeChunk(0, start + 10, closeCommands.delete)
      yield* c.index(stream, { seq: 1, bytes: 8 })
      yield* s.fileSize(file("ch_0"), 8)
      yield* c.dataPending(stream, 1)
      yield* c.closeStream(stream, 1)
    },
    {
      oursOnly: {
        reason: "2.13.9 splits it between the two files",
        transcript: [
          ...opened("h/r"),
          "C1 ADD_STREAM → 00000000000000010000000a",
          "C1 SEND_INDEX → 0000000a",
          "C1 DATA_PENDING → 00000000",
          "C1 CREATE_TRACE_CHUNK → 0000000a",
          "C1 ROTATE_STREAMS → 0000000a",
          "C1 CLOSE_TRACE_CHUNK → 0000000a00000004",
          "C1 CLOSE_TRACE_CHUNK path → 682f7200",
          "C1 CLOSE_TRACE_CHUNK path = h/r",
          "C1 SEND_INDEX → 0000000a",
          "C1 DATA_PENDING → 00000000",
          "C1 CLOSE_STREAM → 0000000a"
        ],
        tree: [
          "h/ 0750",
          "h/r/ 0750",
          "h/r/ust/ 0750",
          "h/r/ust/uid/ 0750",
          "h/r/ust/uid/0/ 0750",
          "h/r/ust/uid/0/64-bit/ 0750",
          "h/r/ust/uid/0/64-bit/ch_0 0640 8 0101010202020202",
          "h/r/ust/uid/0/64-bit/index/ 0750",
          `h/r/ust/uid/0/64-bit/index/ch_0.idx 0640 88 ${[
            "c1f1dcc1000000010000000100000048",
            "00000000000000000000000000000040000000000000004000000000000003f200000000000003fb",
            "0000000000000000000000000000000000000000000000070000000000000001"
          ].join("")}`
        ]
      }
    }
  )
]
