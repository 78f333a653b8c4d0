/** Tracefile rings, rotations and clears under a viewer. */
import * as Commands from "../../sidebyside/commands.ts"
import { chunkName } from "../../sidebyside/scenarios/rotations.ts"
import { begun, type LiveScript, type Scenario, scenario } from "../scenario.ts"

const { closeCommands, start } = Commands

/** A session with a data and a metadata stream, `count` packets and 10 bytes of metadata. */
export const recorded = function* (s: LiveScript, count: number) {
  const { tracer, stream, meta } = yield* begun(s)
  yield* tracer.metadata(meta, 0x41, 10, 10)
  for (let seq = 0; seq < count; seq++) yield* stream.packet(seq)
  /** To chunk 1, from packet `at` on; `command` is what becomes of chunk 0. */
  const moveOn = function* (at: number, command: number) {
    yield* tracer.c.createChunk(1, start + 10)
    yield* tracer.c.rotate(1, [
      [stream.id, at],
      [meta.id, 0]
    ])
    yield* tracer.c.closeChunk(0, start + 11, command)
  }
  return { tracer, stream, meta, moveOn }
}

/** Files of two packets: sends `seq`, waiting for the file it belongs in. */
export const ring = function* (s: LiveScript, fileCount = 3) {
  const tracer = yield* s.tracer()
  const id = yield* tracer.c.addStream({ channel: "ring", fileSize: 32, fileCount })
  yield* tracer.stream("metadata")
  yield* tracer.c.streamsSent
  const packet = function* (seq: number) {
    const file = Math.floor(seq / 2) % fileCount
    yield* tracer.d.packet(id, seq, 16)
    yield* s.fileSize(tracer.file(`ring_${file}`), (seq % 2) * 16 + 16)
    yield* tracer.c.index(id, { seq })
    yield* s.fileSize(tracer.file(`index/ring_${file}.idx`), 16 + ((seq % 2) + 1) * 72)
  }
  return { tracer, id, packet }
}

export const rings: ReadonlyArray<Scenario> = [
  scenario("packets of a ring by their place, before an index was asked for", function* (s) {
    const { id, packet } = yield* ring(s)
    let seq = 0
    for (const count of [1, 4, 8]) {
      while (seq < count) yield* packet(seq++)
      for (const seek of ["beginning", "last"] as const) {
        const viewer = yield* s.viewing(seek)
        yield* viewer.packet(id, 0, 16)
        yield* viewer.packet(id, 16, 16)
        yield* viewer.close
      }
    }
  }),
  scenario("a ring: from file to file, and over what was overwritten", function* (s) {
    const { id, packet } = yield* ring(s)
    const viewer = yield* s.viewing("beginning")
    yield* packet(0)
    yield* viewer.next(id)
    yield* viewer.packet(id, 0, 16)
    for (let seq = 1; seq < 8; seq++) yield* packet(seq)
    for (let count = 0; count < 7; count++) {
      yield* viewer.next(id)
      yield* viewer.packet(id, 0, 16)
      yield* viewer.packet(id, 16, 16)
    }
    yield* packet(8)
    yield* viewer.next(id)
    yield* viewer.next(id)
  }),
  scenario("a ring that wrapped before the viewer came", function* (s) {
    const { id, packet } = yield* ring(s)
    for (let seq = 0; seq < 9; seq++) yield* packet(seq)
    const viewer = yield* s.viewing("beginning")
    for (let count = 0; count < 6; count++) {
      yield* viewer.next(id)
      yield* viewer.packet(id, 0, 16)
    }
  }),
  scenario("a packet that was answered stays readable when its file is overwritten", function* (s) {
    const { id, packet } = yield* ring(s)
    yield* packet(0)
    yield* packet(1)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.next(id)
    yield* viewer.packet(id, 0, 16)
    for (let seq = 2; seq < 12; seq++) yield* packet(seq)
    yield* viewer.packet(id, 0, 16)
    yield* viewer.packet(id, 16, 16)
    yield* viewer.next(id)
    yield* viewer.packet(id, 0, 16)
  }),
  scenario("clear while viewing", function* (s) {
    const { tracer, stream, meta } = yield* recorded(s, 3)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    const ask = function* () {
      yield* viewer.next(stream.id)
      yield* viewer.newStreams(1)
      yield* viewer.metadata(meta.id)
    }
    yield* tracer.c.createChunk(1, start + 10)
    yield* ask()
    yield* tracer.c.rotate(1, [
      [stream.id, 3],
      [meta.id, 0]
    ])
    yield* ask()
    yield* tracer.c.closeChunk(0, start + 11, closeCommands.delete)
    yield* ask()
    yield* tracer.metadata(meta, 0x41, 10, 10)
    yield* ask()
    yield* tracer.metadata(meta, 0x42, 5, 15)
    yield* ask()
    stream.restart()
    yield* stream.packet(3)
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* ask()
  }),
  scenario("an answered packet outlives the clear", function* (s) {
    const { tracer, stream, moveOn } = yield* recorded(s, 2)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* moveOn(2, closeCommands.delete)
    yield* tracer.c.untilChunkGone(0)
    yield* viewer.packet(stream.id, 0, 16)
    yield* viewer.packet(stream.id, 16, 16)
  }),
  scenario("a rotation that keeps the old chunk: the viewer jumps to the new one", function* (s) {
    const { tracer, stream, meta, moveOn } = yield* recorded(s, 3)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* moveOn(3, closeCommands.move)
    yield* tracer.c.untilChunkGone(0)
    yield* viewer.next(stream.id)
    const chunk = chunkName(10, 1)
    yield* tracer.metadata(meta, 0x41, 10, 10, tracer.file("metadata", chunk))
    stream.restart()
    yield* stream.packet(3, { chunk })
    yield* viewer.next(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
  }),
  scenario("a rotation that waits for a packet: nothing is answered until it has come", function* (s) {
    const { stream, meta, moveOn } = yield* recorded(s, 2)
    const viewer = yield* s.viewing("beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* moveOn(4, closeCommands.delete)
    yield* viewer.next(stream.id)
    yield* stream.beacon(500)
    yield* viewer.next(stream.id)
    yield* viewer.newStreams(1)
  }),
  scenario("stopped and cleared, started again", function* (s) {
    const { tracer, stream, meta } = yield* recorded(s, 2)
    yield* tracer.c.rotate(undefined, [
      [stream.id, 2],
      [meta.id, 0]
    ])
    yield* tracer.c.closeChunk(0, start + 11, closeCommands.delete)
    yield* tracer.c.untilChunkGone(0)
    const viewer = yield* s.viewer
    yield* viewer.list
    yield* viewer.attach(1, "beginning")
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
    yield* tracer.c.createChunk(1, start + 20)
    yield* tracer.c.rotate(1, [
      [stream.id, 2],
      [meta.id, 0]
    ])
    const chunk = ""
    yield* tracer.metadata(meta, 0x41, 12, 12, tracer.file("metadata", chunk))
    stream.restart()
    yield* stream.packet(2, { chunk })
    yield* viewer.nextUntilKnown(stream.id)
    yield* viewer.packet(stream.id, 0, 16)
    yield* viewer.metadata(meta.id)
    yield* viewer.next(stream.id)
  })
]
