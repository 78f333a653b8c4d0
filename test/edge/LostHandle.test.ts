/** A stream of which the edge has lost the announcement, or the handle, costs no other one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { headBytes, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Commands from "../../src/testing/PeerBytes.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"

const sizeOf = (bytes: Buffer, at: number) => headBytes + bytes.readUInt32BE(at + offsets.byteCount)

/** Damages the last byte of the first handle, or of the command that it is the answer to. */
const damage = (files: MemoryFiles, what: number) => {
  const [path = assert.fail()] = files.paths("/spool").filter((one) => one.endsWith(".journal"))
  const bytes = Buffer.from(files.read(path) ?? [])
  let place = 0
  for (let at = 0; bytes.readUInt16BE(at + offsets.kind) !== Kind.handle; ) {
    if (bytes.readUInt16BE(at + offsets.kind) === what) place = at
    at += sizeOf(bytes, at)
    if (bytes.readUInt16BE(at + offsets.kind) === what) place = at
  }
  const last = place + sizeOf(bytes, place) - 1
  bytes.writeUInt8(bytes.readUInt8(last) ^ 0x10, last)
  files.write(path, bytes)
}

const channels = ["ch_0", "ch_1", "ch_2"]

describe("of a spool that is damaged where a stream", () => {
  it.live.each([
    ["is asked for", Kind.command],
    ["is given its handle", Kind.handle]
  ] as const)("%s, that stream is lost, and no other", ([_, what]) => {
    const { codes, layer, lines } = logged()
    return Effect.gen(function* () {
      const files = new MemoryFiles()
      const [first, relay] = [yield* Scope.make(), yield* TestRelay.make()]
      const before = yield* Scope.provide(Local.start({ controlPort: 1, dataPort: 1, files: files.service }), first)
      const { c, d } = yield* Script.make(before, relay.output, () => {}).recording()
      const streams = yield* Effect.forEach(channels, (channel) => c.addStream({ channel }))
      const metadata = yield* c.addStream({ channel: "metadata" })
      yield* c.metadata(metadata, Buffer.alloc(64, "m"))
      for (const seq of [0, 1]) {
        for (const [at, stream] of streams.entries()) {
          yield* d.packet(stream, seq, 16 * (at + 1) + seq)
          yield* c.index(stream, { seq })
        }
        if (seq > 0) continue
        yield* c.createChunk(1, Commands.start + 1)
        yield* c.rotate(
          1,
          streams.map((stream) => [stream, 1])
        )
      }
      for (const stream of streams) yield* c.closeStream(stream, 1)
      yield* c.close
      yield* d.close
      const [journal = assert.fail()] = before.edge.spool.journals.values()
      yield* until("all of it to be written", () => journal.isFinished && journal.written === journal.last)
      yield* Scope.close(first, Exit.void)
      damage(files, what)
      const local = yield* Local.start({ ...relay, files: files.service })
      yield* local.forwarded
      const sizes = ["metadata", ...channels].map((name) =>
        relay.output
          .files()
          .filter((path) => path.endsWith(`/${name}`))
          .map((path) => relay.output.size(path))
          .toSorted()
      )
      assert.deepStrictEqual(sizes, [[64], what === Kind.handle ? [0] : [], [32, 33], [48, 49]])
      assert.include(codes, "SPOOL_DAMAGED")
      assert.include(lines.join("\n"), `stream ${streams[0]} is left out`)
      assert.notInclude(codes, "JOURNAL_LOST")
    }).pipe(Effect.provide(layer))
  })

  it.live.each([
    ["is asked for", Kind.command],
    ["is given its handle", Kind.handle]
  ] as const)("%s, nothing is lost if the relay had that", ([_, what]) =>
    Effect.gen(function* () {
      const files = new MemoryFiles()
      const [first, relay] = [yield* Scope.make(), yield* TestRelay.make()]
      const link = yield* new Link(
        () => relay.controlPort,
        () => Number.POSITIVE_INFINITY
      ).open
      const places = { controlPort: link.port, dataPort: relay.dataPort, files: files.service }
      const before = yield* Scope.provide(Local.start(places), first)
      const { c, d, file } = yield* Script.make(before, relay.output, () => {}).recording()
      const stream = yield* c.addStream()
      const [journal = assert.fail()] = before.edge.spool.journals.values()
      yield* until("the relay to know the stream", () => journal.received === journal.last)
      link.isDown = true
      link.cut()
      yield* until("the link to be down", () => before.edge.link.connectedCount === 0)
      yield* d.packet(stream, 0, 16)
      yield* c.index(stream, { seq: 0 })
      yield* c.closeStream(stream, 0)
      yield* c.close
      yield* d.close
      yield* until("all of it to be written", () => journal.isFinished && journal.written === journal.last)
      yield* Scope.close(first, Exit.void)
      damage(files, what)
      link.isDown = false
      const local = yield* Local.start(places)
      yield* local.forwarded
      assert.strictEqual(relay.output.size(file("ch_0")), 16)
    })
  )
})
