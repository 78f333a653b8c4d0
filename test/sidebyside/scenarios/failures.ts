/** File systems that refuse: full volumes, removed directories, files in the way. */
import { rmSync } from "node:fs"
import { join as joinPath } from "node:path"
import { Effect } from "effect"
import * as Commands from "../commands.ts"
import { opened, type Scenario, scenario } from "../scenario.ts"
import type * as Script from "../script.ts"

const { closeCommands, join, noSeq, sendIndex, start, u64 } = Commands

const remove = (s: Script.Script, path: string) =>
  Effect.sync(() => rmSync(joinPath(s.output, path), { recursive: true, force: true }))

const smallVolume = 256 * 1024
const pageBytes = 4096
/** The last one of these does not fit on the first page of an index file. */
const recordCountOfPage = 57

/** Leaves so many pages of the volume. */
const fill = (s: Script.Script, pageCount: number) =>
  s.write("filler", Buffer.alloc(smallVolume - pageCount * pageBytes, 0x20).toString("latin1"))

/** A stream whose next index record does not fit. */
const almostFull = function* (s: Script.Script) {
  const { c, d, file, recorded } = yield* s.recording()
  yield* fill(s, 2)
  const stream = yield* c.addStream()
  for (let seq = 0; seq < recordCountOfPage - 1; seq++) {
    yield* recorded(stream, seq, file("ch_0"), 16 * (seq + 1))
  }
  return { c, d, file, stream }
}

export const failures: ReadonlyArray<Scenario> = [
  scenario(
    "a full volume ends the data connection and the session's streams, not the daemon",
    function* (s) {
      const { c, d } = yield* s.recording()
      const stream = yield* c.addStream()
      const other = yield* c.addStream({ channel: "other" })
      yield* d.packet(stream, 0, 1024 * 1024)
      yield* d.closes()
      yield* s.untilClosed(other)
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 0, bytes: 1024 * 1024 }))
      const again = yield* s.control
      yield* again.alive
    },
    { volumeBytes: smallVolume }
  ),
  scenario(
    "a full volume ends the control connection that sends metadata",
    function* (s) {
      const { c } = yield* s.recording()
      const metadata = yield* c.addStream({ channel: "metadata" })
      yield* c.metadata(metadata, Buffer.alloc(512 * 1024, 0x20))
      yield* c.closes()
      const again = yield* s.control
      yield* again.alive
    },
    { volumeBytes: smallVolume }
  ),
  scenario(
    "padding that does not fit is a write error like any other",
    function* (s) {
      const { c, d } = yield* s.recording()
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0, 16, 1024 * 1024)
      yield* d.closes()
      yield* s.untilClosed(stream)
      yield* c.refused("CLOSE_STREAM", join(u64(stream), u64(0)))
    },
    { volumeBytes: smallVolume }
  ),
  scenario(
    "an index record that does not fit: who brought it is refused, and its connection ends",
    function* (s) {
      const { c, d, file, stream } = yield* almostFull(s)
      const seq = recordCountOfPage - 1
      yield* d.packet(stream, seq)
      yield* s.fileSize(file("ch_0"), 16 * recordCountOfPage)
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq }))
    },
    { volumeBytes: smallVolume }
  ),
  scenario(
    "an index record that does not fit, and whose packet comes after it, ends the data connection",
    function* (s) {
      const { c, d, stream } = yield* almostFull(s)
      const seq = recordCountOfPage - 1
      yield* c.index(stream, { seq })
      yield* d.packet(stream, seq)
      yield* d.closes()
      yield* s.untilClosed(stream)
      yield* c.refused("CLOSE_STREAM", join(u64(stream), u64(seq)))
    },
    { volumeBytes: smallVolume }
  ),
  scenario(
    "an index file for which there is no name left ends the data connection",
    function* (s) {
      const { c, d } = yield* s.recording()
      const stream = yield* c.addStream()
      yield* d.packet(stream, 0)
      yield* d.closes()
      yield* c.refused("SEND_INDEX", sendIndex(13, stream, { seq: 0 }))
    },
    { volumeBytes: smallVolume, volumeInodes: 8 }
  ),
  scenario(
    "a stream for which there is no name left is refused, its connection kept",
    function* (s) {
      const { c } = yield* s.recording()
      yield* c.addStream()
      yield* c.addStream({ channel: "other" })
      yield* c.addStream({ channel: "elsewhere", path: "ust/uid/1/64-bit" })
      yield* c.alive
    },
    { volumeBytes: smallVolume, volumeInodes: 8 }
  ),
  scenario(
    "a session for which there is no name left",
    function* (s) {
      const c = yield* s.control
      yield* c.version(13)
      yield* c.createSession()
    },
    { volumeBytes: smallVolume, volumeInodes: 2 }
  ),
  scenario(
    "a chunk for which there is no name left",
    function* (s) {
      const { c } = yield* s.recording()
      yield* c.addStream()
      yield* c.refused("CREATE_TRACE_CHUNK", Commands.createTraceChunk(1, start + 10))
    },
    { volumeBytes: smallVolume, volumeInodes: 8 }
  ),
  scenario("the session directory is removed: open files go on unseen, new streams fail", function* (s) {
    const { c, d, file, session, recorded } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream()
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* c.dataPending(stream, 0)
    yield* remove(s, session.path)
    yield* d.packet(stream, 1)
    yield* c.index(stream, { seq: 1 })
    yield* c.addStream({ channel: "late" })
    yield* c.closeStream(stream, 1)
    yield* s.untilClosed(stream)
    yield* c.closeChunk(0, start + 5)
  }),
  scenario(
    "the session directory is removed before a rotation: refused, and nothing is made in its place",
    function* (s) {
      const { c, session } = yield* s.recording({ basePath: "r" })
      yield* c.addStream({ channel: "metadata" })
      yield* remove(s, session.path)
      yield* c.refused("CREATE_TRACE_CHUNK", Commands.createTraceChunk(1, start + 10))
    }
  ),
  scenario("a file in the place of the session directory refuses the session, the connection is kept", function* (s) {
    yield* s.write("h/taken", "in the way")
    const c = yield* s.control
    yield* c.version(13)
    yield* c.createSession({ basePath: "taken" })
    yield* c.createSession({ basePath: "taken/below" })
    yield* c.createSession({ basePath: "free" })
  }),
  scenario("a directory in the place of a data file fails and keeps the connection", function* (s) {
    const { c, file } = yield* s.recording({ basePath: "r" })
    yield* s.write(file("ch_0/inside"), "in the way")
    yield* c.addStream()
    yield* c.addStream({ channel: "ch_1" })
  }),
  scenario("a file in the place of the index directory ends the data connection", function* (s) {
    const { c, d, file } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream()
    yield* s.write(file("index"), "in the way")
    yield* d.packet(stream, 0)
    yield* d.closes()
    yield* s.untilClosed(stream)
    yield* c.refused("CLOSE_STREAM", join(u64(stream), u64(noSeq)))
  }),
  scenario("indexes that somebody removes while a ring is written are made again", function* (s) {
    const { c, d, file, recorded } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ fileSize: 16, fileCount: 2 })
    for (const seq of [0, 1]) yield* recorded(stream, seq, file(`ch_0_${seq}`), 16)
    yield* c.dataPending(stream, 1)
    yield* remove(s, file("index"))
    yield* d.packet(stream, 2)
    yield* s.exists(file("index/ch_0_0.idx"))
    yield* c.index(stream, { seq: 2 })
    yield* c.dataPending(stream, 2)
  }),
  scenario("no index is made where its data is no more", function* (s) {
    const { c, d, file, recorded, session } = yield* s.recording({ basePath: "r" })
    const other = yield* c.addStream({ channel: "other" })
    yield* recorded(other, 0, file("other"), 16)
    yield* c.dataPending(other, 0)
    const stream = yield* c.addStream()
    yield* remove(s, session.path)
    yield* d.packet(stream, 0)
    yield* d.closes()
    yield* s.untilClosed(stream)
  }),
  scenario("an index file in the way is replaced", function* (s) {
    const { c, file, recorded } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream()
    yield* s.write(file("index/ch_0.idx"), "of an earlier session, and longer than the new one will be".repeat(9))
    yield* recorded(stream, 0, file("ch_0"), 16)
    yield* c.dataPending(stream, 0)
  }),
  scenario(
    "files removed from a chunk do not keep clear from removing the others",
    function* (s) {
      const { c, file } = yield* s.recording({ basePath: "r" })
      const one = yield* c.addStream({ channel: "metadata" })
      const two = yield* c.addStream({ channel: "metadata", path: "kernel" })
      yield* remove(s, file("metadata"))
      yield* c.rotate(undefined, [
        [one, 0],
        [two, 0]
      ])
      yield* c.closeChunk(0, start + 5, closeCommands.delete)
      yield* c.untilChunkGone(0)
    },
    {
      oursOnly: {
        reason: "2.13.9 stops at the first file that is not there",
        transcript: [
          ...opened("h/r"),
          "C1 ADD_STREAM → 00000000000000010000000a",
          "C1 ADD_STREAM → 00000000000000020000000a",
          "C1 ROTATE_STREAMS → 0000000a",
          "C1 CLOSE_TRACE_CHUNK → 0000000a00000004",
          "C1 CLOSE_TRACE_CHUNK path → 682f7200",
          "C1 CLOSE_TRACE_CHUNK path = h/r",
          "C1 chunk 0 is gone"
        ],
        tree: ["h/ 0750", "h/r/ 0750"]
      }
    }
  )
]
