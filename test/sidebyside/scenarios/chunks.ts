/** Trace chunks: creation, names, close commands and their reply paths, clear, sharing. */
import * as Commands from "../commands.ts"
import { opened, type Scenario, scenario } from "../scenario.ts"
import { chunkName } from "./rotations.ts"

const { closeCommands, join, noSeq, start, terminated, u32, u64 } = Commands

const withOverride = (length: number, bytes: Uint8Array) => join(u64(7), u64(start + 1), u32(length), bytes)

export const chunks: ReadonlyArray<Scenario> = [
  ...(["none", "nothing", "move", "delete"] as const).map((command) =>
    scenario(`the first chunk closed with command ${command}`, function* (s) {
      const { c, file, recorded } = yield* s.recording({ basePath: "r" })
      const stream = yield* c.addStream()
      yield* recorded(stream, 0, file("ch_0"), 16)
      yield* c.rotate(undefined, [[stream, 1]])
      yield* c.closeChunk(0, start + 5, command === "none" ? undefined : closeCommands[command])
      yield* c.untilChunkGone(0)
      yield* s.tree("closed")
      yield* c.createChunk(1, start + 10)
      yield* s.tree("next")
      yield* c.rotate(1, [[stream, 1]])
      yield* c.closeStream(stream, 0)
      yield* c.closeChunk(1, start + 15, command === "none" ? undefined : closeCommands[command])
      yield* c.untilChunkGone(1)
    })
  ),
  ...(["none", "nothing", "move", "delete"] as const).map((command) =>
    scenario(`the second chunk closed with command ${command} while a third is there`, function* (s) {
      const { c, file } = yield* s.recording({ basePath: "r" })
      const stream = yield* c.addStream({ channel: "metadata" })
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [[stream, 0]])
      yield* c.closeChunk(0, start + 10, closeCommands.move)
      yield* c.untilChunkGone(0)
      yield* c.metadata(stream, Buffer.from("one"))
      yield* c.createChunk(2, start + 20)
      yield* c.rotate(2, [[stream, 0]])
      yield* s.exists(file("metadata", ".tmp_new_chunk"))
      yield* s.tree("created")
      yield* c.closeChunk(1, start + 20, command === "none" ? undefined : closeCommands[command])
      yield* c.untilChunkGone(1)
      yield* c.metadata(stream, Buffer.from("two"))
      yield* s.fileSize(file("metadata", chunkName(20, 2)), 3)
      yield* s.tree("closed")
    })
  ),
  ...(["none", "nothing", "delete"] as const).map((command) =>
    scenario(`the first chunk closed with command ${command} while a second is there`, function* (s) {
      const { c } = yield* s.recording({ basePath: "r" })
      const stream = yield* c.addStream({ channel: "metadata" })
      yield* c.metadata(stream, Buffer.from("zero"))
      yield* c.createChunk(1, start + 10)
      yield* c.rotate(1, [[stream, 0]])
      yield* c.metadata(stream, Buffer.from("one"))
      yield* c.closeChunk(0, start + 10, command === "none" ? undefined : closeCommands[command])
      yield* c.untilChunkGone(0)
      yield* c.alive
    })
  ),
  scenario("a clock before 1970", function* (s) {
    const { c } = yield* s.recording({ basePath: "r" })
    yield* c.addStream({ channel: "metadata" })
    yield* c.rotate(undefined, [])
    const closed = join(u64(0), u64(noSeq), Uint8Array.of(1), u32(closeCommands.move))
    yield* c.command("CLOSE_TRACE_CHUNK", closed, 8 + terminated("h/r").length)
  }),
  scenario("a session stopped and destroyed without rotation keeps its files in place", function* (s) {
    const { c, d, file, session } = yield* s.recording()
    const stream = yield* c.addStream()
    const metadata = yield* c.addStream({ channel: "metadata" })
    yield* c.streamsSent
    yield* c.metadata(metadata, Buffer.from("meta"))
    yield* d.packet(stream, 0)
    yield* s.fileSize(file("ch_0"), 16)
    yield* c.index(stream, { seq: 0, packetSeq: 0 })
    yield* c.beginPending(session.id)
    yield* c.dataPending(stream, 0)
    yield* c.quiescent(metadata)
    yield* c.endPending(session.id)
    yield* c.rotate(undefined, [[stream, 1]])
    yield* c.rotate(undefined, [[metadata, 0]])
    yield* c.closeChunk(0, start + 5)
    yield* c.chunkExists(0)
    yield* c.closeStream(metadata, noSeq)
    yield* c.closeStream(stream, 0)
  }),
  scenario("clear spares files that are not of the chunk", function* (s) {
    const { c, file, session } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "metadata" })
    yield* c.addStream({ channel: "k_0", path: "kernel" })
    yield* s.write(file("mine"), "foreign")
    yield* s.write(`${session.path}/note`, "foreign")
    yield* c.rotate(undefined, [[stream, 0]])
    yield* c.closeChunk(0, start + 10, closeCommands.delete)
    yield* c.chunkExists(0)
    yield* s.tree("held by the other stream")
    yield* c.closeStream(2n, noSeq)
    yield* c.untilChunkGone(0)
  }),
  scenario("clear of a running session: create, rotate, close with delete, twice", function* (s) {
    const { c, d, file, recorded } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream()
    yield* recorded(stream, 0, file("ch_0"), 16)
    for (const round of [1, 2]) {
      yield* c.createChunk(round, start + 10 * round)
      yield* c.rotate(round, [[stream, round]])
      yield* c.closeChunk(round - 1, start + 10 * round, closeCommands.delete)
      yield* c.untilChunkGone(round - 1)
      yield* d.packet(stream, round, 16 + round)
      yield* s.fileSize(file("ch_0"), 16 + round)
      yield* c.index(stream, { seq: round, bytes: 16 + round })
      yield* c.dataPending(stream, round)
    }
    yield* s.tree("cleared")
  }),
  scenario("clear of a chunk that lies where the one before it does spares what is only in that one", function* (s) {
    const { c, file, recorded } = yield* s.recording({ basePath: "r" })
    const stays = yield* c.addStream({ channel: "stays" })
    const goes = yield* c.addStream({ channel: "goes" })
    yield* recorded(stays, 0, file("stays"), 16)
    yield* recorded(goes, 0, file("goes"), 16)
    yield* c.closeChunk(0, start + 10)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[goes, 1]])
    yield* recorded(goes, 1, file("goes"), 16)
    yield* c.rotate(undefined, [[goes, 2]])
    yield* c.closeChunk(1, start + 20, closeCommands.delete)
    yield* c.untilChunkGone(1)
    yield* s.tree("cleared")
    yield* c.closeStream(stays, 0)
  }),
  scenario("clear after a rotation", function* (s) {
    const { c } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "metadata" })
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 0]])
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* c.createChunk(2, start + 20)
    yield* c.rotate(2, [[stream, 0]])
    yield* c.closeChunk(1, start + 20, closeCommands.delete)
    yield* c.untilChunkGone(1)
    yield* s.tree("cleared")
    yield* c.rotate(undefined, [[stream, 0]])
    yield* c.closeChunk(2, start + 30, closeCommands.move)
    yield* c.untilChunkGone(2)
  }),
  scenario(
    "delete is refused when clear is not allowed",
    function* (s) {
      const { c } = yield* s.recording()
      yield* c.addStream()
      yield* c.refused("CLOSE_TRACE_CHUNK", Commands.closeChunk(0, start + 1, closeCommands.delete))
    },
    { args: ["-x"] }
  ),
  scenario("closing an unknown chunk, another than the pending one, with an unknown command", function* (s) {
    const one = yield* s.recording({ basePath: "one" })
    yield* one.c.refused("CLOSE_TRACE_CHUNK", Commands.closeChunk(9, start + 1, closeCommands.move))
    const two = yield* s.recording({ basePath: "two" })
    yield* two.c.createChunk(1, start + 10)
    yield* two.c.refused("CLOSE_TRACE_CHUNK", Commands.closeChunk(1, start + 1, closeCommands.move))
    const three = yield* s.recording({ basePath: "three" })
    yield* three.c.refused("CLOSE_TRACE_CHUNK", Commands.closeChunk(0, start + 1, 3))
    const four = yield* s.recording({ basePath: "four", chunk: "none" })
    yield* four.c.refused("CLOSE_TRACE_CHUNK", Commands.closeChunk(0, start + 1))
  }),
  scenario("a chunk closed twice is unknown the second time", function* (s) {
    const { c } = yield* s.recording()
    yield* c.closeChunk(0, start + 1)
    yield* c.chunkExists(0)
    yield* c.refused("CLOSE_TRACE_CHUNK", Commands.closeChunk(0, start + 1))
  }),
  // What was asked first counts, unless something else is.
  ...(["move", "nothing", "delete"] as const).flatMap((first) =>
    (["none", "move", "nothing", "delete"] as const).map((second) =>
      scenario(`a chunk that a stream is in, closed with command ${first}, then with ${second}`, function* (s) {
        const { c, file, recorded } = yield* s.recording({ basePath: "r" })
        const stream = yield* c.addStream()
        yield* recorded(stream, 0, file("ch_0"), 16)
        yield* c.closeChunk(0, start + 5, closeCommands[first])
        yield* c.closeChunk(0, start + 6, second === "none" ? undefined : closeCommands[second])
        yield* s.tree("closed")
        yield* c.rotate(undefined, [[stream, 1]])
        yield* c.untilChunkGone(0)
      })
    )
  ),
  scenario("a third chunk while the first is not closed is refused", function* (s) {
    const { c } = yield* s.recording({ basePath: "r" })
    yield* c.createChunk(1, start + 10)
    yield* c.refused("CREATE_TRACE_CHUNK", Commands.createTraceChunk(2, start + 20))
  }),
  scenario("chunks without streams: create, close, create", function* (s) {
    const { c } = yield* s.recording({ basePath: "r" })
    yield* c.closeChunk(0, start + 1, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* s.tree("none")
    yield* c.createChunk(1, start + 10)
    yield* c.addStream()
    yield* s.tree("one")
    yield* c.createChunk(2, start + 20)
    yield* s.tree("two")
    yield* c.closeChunk(1, start + 20, closeCommands.move)
    yield* c.addStream({ channel: "late" })
  }),
  scenario("a chunk number may be used again once the chunk is gone", function* (s) {
    const { c } = yield* s.recording({ basePath: "r" })
    yield* c.closeChunk(0, start + 1, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* c.createChunk(1, start + 10)
    yield* c.closeChunk(1, start + 11, closeCommands.move)
    yield* c.untilChunkGone(1)
    yield* c.createChunk(1, start + 20)
    yield* c.chunkExists(1)
    yield* c.chunkExists(0)
    yield* c.addStream()
  }),
  scenario("a chunk that is current is created again", function* (s) {
    const { c } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "metadata" })
    yield* c.createChunk(0, start + 10)
    yield* s.tree("again")
    yield* c.metadata(stream, Buffer.from("zero"))
    yield* c.alive
  }),
  scenario("a chunk that is current is created again, by another name", function* (s) {
    const { c } = yield* s.recording({ basePath: "r", snapshot: true, chunk: "none" })
    yield* c.createChunk(0, start + 1, "first")
    yield* c.addStream({ channel: "metadata" })
    yield* c.createChunk(0, start + 10, "second")
    yield* s.tree("again")
    yield* c.alive
  }),
  scenario("override names: taken as the directory, exempt from every rename", function* (s) {
    const { c, session } = yield* s.recording({ basePath: "r", snapshot: true, chunk: "none" })
    yield* c.createChunk(0, start + 1, "first name")
    yield* c.addStream()
    yield* c.closeChunk(0, start + 2)
    yield* c.createChunk(1, start + 3, "second")
    yield* c.addStream({ channel: "x" })
    yield* c.closeChunk(1, start + 4)
    yield* c.endPending(session.id)
    yield* c.closeStream(1n, noSeq)
    yield* c.closeStream(2n, noSeq)
  }),
  scenario("override names in a session that is no snapshot", function* (s) {
    const { c } = yield* s.recording({ basePath: "r", chunk: "none" })
    yield* c.createChunk(0, start + 1, "named")
    yield* c.addStream({ channel: "metadata" })
    yield* c.createChunk(1, start + 10)
    yield* s.tree("unnamed beside named")
    yield* c.rotate(1, [[1n, 0]])
    yield* c.closeChunk(0, start + 10)
    yield* c.untilChunkGone(0)
  }),
  scenario(
    "an override name, closed with command move: the chunk stays where it is",
    function* (s) {
      const { c } = yield* s.recording({ basePath: "r", chunk: "none" })
      yield* c.createChunk(0, start + 1, "named")
      const stream = yield* c.addStream({ channel: "metadata" })
      yield* c.rotate(undefined, [[stream, 0]])
      yield* c.closeChunk(0, start + 5, closeCommands.move)
      yield* c.untilChunkGone(0)
    },
    {
      oursOnly: {
        reason: "2.13.9 aborts",
        tree: [
          "h/ 0750",
          "h/r/ 0750",
          "h/r/named/ 0750",
          "h/r/named/ust/ 0750",
          "h/r/named/ust/uid/ 0750",
          "h/r/named/ust/uid/0/ 0750",
          "h/r/named/ust/uid/0/64-bit/ 0750",
          "h/r/named/ust/uid/0/64-bit/metadata 0640 0 "
        ]
      }
    }
  ),
  scenario("override names that are refused", function* (s) {
    const requests: ReadonlyArray<readonly [string, Buffer]> = [
      ["with a dot", withOverride(4, terminated("a.b"))],
      ["with a slash", withOverride(4, terminated("a/b"))],
      ["empty", withOverride(1, terminated(""))],
      ["too long", withOverride(256, terminated("n".repeat(255)))],
      ["without its NUL", withOverride(3, Buffer.from("abc"))],
      ["longer than the payload", withOverride(30, terminated("abc"))]
    ]
    for (const [label, payload] of requests) {
      s.note(label)
      const { c } = yield* s.recording({ basePath: label.replaceAll(" ", "-"), chunk: "none" })
      yield* c.refused("CREATE_TRACE_CHUNK", payload)
      const second = yield* s.recording({ basePath: `${label.replaceAll(" ", "-")}-second` })
      yield* second.c.addStream()
      yield* second.c.refused("CREATE_TRACE_CHUNK", payload)
    }
  }),
  scenario("the longest override name", function* (s) {
    const { c } = yield* s.recording({ basePath: "r", chunk: "none" })
    yield* c.createChunk(0, start + 1, "n".repeat(254))
    yield* c.addStream()
  }),
  scenario("leftovers in the temporary directory: the second rotation cannot rename over them", function* (s) {
    const { c, session } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "metadata" })
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 0]])
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* s.write(`${session.path}/.tmp_old_chunk/leftover`, "in the way")
    yield* c.refused("CREATE_TRACE_CHUNK", Commands.createTraceChunk(2, start + 20))
  }),
  scenario("an archive of that name already there: the chunk stays in the temporary directory", function* (s) {
    const { c, session } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "metadata" })
    const archive = `${session.path}/archives/20231114T221320+0000-20231114T221330+0000-0`
    yield* s.write(`${archive}/leftover`, "in the way")
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 0]])
    yield* c.closeChunk(0, start + 10, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* c.alive
  }),
  scenario("two connections of one recording session share their chunks", function* (s) {
    const a = yield* s.recording({ basePath: "r", sessionId: 1 })
    const b = yield* s.recording({ basePath: "r", sessionId: 1, chunk: "none", currentChunk: 0 })
    const streamA = yield* a.c.addStream({ channel: "metadata", path: "ust/uid/0/64-bit" })
    const streamB = yield* b.c.addStream({ channel: "metadata", path: "ust/uid/0/32-bit" })
    yield* a.c.createChunk(1, start + 10)
    yield* s.tree("created by one")
    yield* b.c.createChunk(1, start + 10)
    yield* s.tree("created by both")
    yield* a.c.rotate(1, [[streamA, 0]])
    yield* b.c.rotate(1, [[streamB, 0]])
    yield* a.c.closeChunk(0, start + 10, closeCommands.move)
    yield* s.tree("closed by one")
    yield* a.c.chunkExists(0)
    yield* b.c.closeChunk(0, start + 10, closeCommands.move)
    yield* a.c.untilChunkGone(0)
    yield* a.c.metadata(streamA, Buffer.from("a"))
    yield* b.c.metadata(streamB, Buffer.from("b"))
    yield* a.c.alive
    yield* b.c.alive
  }),
  scenario("sessions of other daemons or numbers do not share chunks", function* (s) {
    const a = yield* s.recording({ basePath: "a", sessionId: 1 })
    const b = yield* s.recording({ basePath: "b", sessionId: 2 })
    yield* a.c.closeChunk(0, start + 5, closeCommands.move)
    yield* a.c.untilChunkGone(0)
    yield* b.c.chunkExists(0)
    yield* b.c.addStream()
  }),
  scenario("after the first rotation new chunks live in directories of their own", function* (s) {
    const { c, file } = yield* s.recording({ basePath: "r" })
    const stream = yield* c.addStream({ channel: "metadata" })
    yield* c.rotate(undefined, [[stream, 0]])
    yield* c.closeChunk(0, start + 5, closeCommands.move)
    yield* c.untilChunkGone(0)
    yield* c.createChunk(1, start + 10)
    yield* c.rotate(1, [[stream, 0]])
    yield* s.exists(file("metadata", chunkName(10, 1)))
    yield* c.addStream({ channel: "more" })
  }),
  scenario(
    "TRACE_CHUNK_EXISTS goes by the session daemon's number",
    function* (s) {
      const { c } = yield* s.recording({ basePath: "b", sessionId: 77 })
      yield* c.chunkExists(0)
      yield* c.chunkExists(1)
    },
    {
      oursOnly: {
        reason: "2.13.9 looks up by its own session number",
        transcript: [...opened("h/b"), "C1 TRACE_CHUNK_EXISTS → 0000000a01", "C1 TRACE_CHUNK_EXISTS → 0000000a00"]
      }
    }
  )
]
