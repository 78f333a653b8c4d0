/** What an earlier edge left in the spool: read beside what tracers say, and what is damaged in it is named. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Latch, Scope } from "effect"
import { masked } from "../../src/errors/Secrets.ts"
import { headBytes, offsets } from "../../src/protocol/journal/Record.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { Files, type OpenFile } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"
import { story } from "./stories.ts"

const nowhere = { controlPort: 1, dataPort: 1 }
const isSegment = (path: string) => path.endsWith(".journal")

const copyOf = (files: MemoryFiles): MemoryFiles => {
  const image = new MemoryFiles()
  for (const path of files.paths("/spool")) image.write(path, Buffer.from(files.read(path) ?? []))
  return image
}

/** Nobody writes there. */
const output = Effect.map(TestRelay.make(), (relay) => relay.output)

/** A spool that no relay has anything of, as it is when the edge is killed. */
const left = (seed: number, stepCount?: number) =>
  Effect.gen(function* () {
    const files = new MemoryFiles()
    const scope = yield* Scope.make()
    const local = yield* Scope.provide(Local.start({ ...nowhere, files: files.service, bytesMax: 1024 ** 2 }), scope)
    yield* Effect.scoped(story(seed, stepCount)(Script.make(local, yield* output, () => {})))
    const image = copyOf(files)
    yield* Scope.close(scope, Exit.void)
    return image
  })

const direct = (...stories: ReadonlyArray<(script: Script.Script) => Effect.Effect<void, never, Scope.Scope>>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      for (const told of stories) yield* Effect.scoped(told(Script.make(relay, relay.output, () => {})))
      yield* Local.quiet(relay)
      return relay.output.tree()
    })
  )

/** Another tracing session, that comes while the spool is read. */
const another = (script: Script.Script) =>
  Effect.gen(function* () {
    const { c, d } = yield* script.recording({ name: "another", sessionId: 9 })
    const stream = yield* c.addStream()
    yield* d.packet(stream, 0, 500)
    yield* c.index(stream, { seq: 0, bytes: 500 })
    yield* c.closeStream(stream, 0)
  })

/** Segments are read once `latch` is open. */
const slow = (files: Files["Service"], latch: Latch.Latch) => {
  const waiting = (file: OpenFile): OpenFile => ({
    ...file,
    read: (into, position) => latch.whenOpen(file.read(into, position))
  })
  return Files.of({
    ...files,
    open: (path, mode) =>
      Effect.map(files.open(path, mode), (file) => (isSegment(path) && mode === "continue" ? waiting(file) : file))
  })
}

describe("an edge with a spool that takes long to read", () => {
  it.live("serves tracers meanwhile, forwards what they say, and counts what it has not read", () =>
    Effect.gen(function* () {
      const image = yield* left(7)
      const sizes = image.paths("/spool").filter(isSegment)
      const byteCount = sizes.reduce((sum, path) => sum + (image.read(path)?.length ?? 0), 0)
      const relay = yield* TestRelay.make()
      const latch = Latch.makeUnsafe(false)
      const local = yield* Local.start({ ...relay, files: slow(image.service, latch) })
      const { spool } = local.edge
      assert.strictEqual(spool.byteCount, byteCount)
      const waiting = [...spool.journals.values()]
      yield* Effect.scoped(another(Script.make(local, relay.output, () => {})))
      yield* Local.quiet(relay)
      assert.deepStrictEqual(relay.output.tree(), yield* direct(another))
      assert.deepStrictEqual([...spool.journals.values()], waiting)
      yield* latch.open
      yield* local.forwarded
      yield* Local.quiet(relay)
      assert.deepStrictEqual(relay.output.tree(), yield* direct(story(7), another))
      assert.strictEqual(spool.byteCount, 0)
    })
  )
})

it.live("a session in the spool that cannot be read waits, and keeps nobody else from going on", () =>
  Effect.gen(function* () {
    const image = yield* left(7)
    const faults = new FaultyFiles(image.service)
    faults.fail({ operation: "readdir", code: "EACCES", path: "/spool/" })
    const { codes, layer, lines } = logged()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        const local = yield* Local.start({ ...relay, files: faults.service })
        const [journal = assert.fail()] = local.edge.spool.journals.values()
        yield* until("it to be told", () => codes.length > 0)
        assert.deepStrictEqual(new Set(codes), new Set(["SPOOL_UNREAD"]))
        assert.include(lines[0], `/spool/${masked(journal.token)}: EACCES`)
        assert.isFalse(journal.writing.isFailing)
        const { c } = yield* Script.make(local, relay.output, () => {}).recording({ sessionId: 9 })
        yield* c.addStream()
        yield* until("another session", relay.relay.sessions, ({ length }) => length === 1)
      })
    ).pipe(Effect.provide(layer))
  })
)

describe("an edge whose host lost its power with what was not synced", () => {
  it.live("ends the session at the relay, which has more of it than the spool", () =>
    Effect.gen(function* () {
      const relay = yield* TestRelay.make()
      const link = yield* new Link(() => relay.controlPort).open
      const files = new MemoryFiles()
      const scope = yield* Scope.make()
      const near = { controlPort: link.port, dataPort: relay.dataPort, files: files.service }
      const local = yield* Scope.provide(Local.start(near), scope)
      const script = Script.make(local, relay.output, () => {})
      const { c, d, file } = yield* script.recording()
      const stream = yield* c.addStream()
      const packet = (seq: number) => Effect.andThen(d.packet(stream, seq, 500), c.index(stream, { seq, bytes: 500 }))
      yield* packet(0)
      const lost = copyOf(files)
      for (const seq of [1, 2, 3, 4]) yield* packet(seq)
      yield* script.fileSize(file("ch_0"), 2500)
      link.isDown = true
      link.cut()
      yield* Scope.close(scope, Exit.void)
      const next = yield* Local.start({ ...relay, files: lost.service })
      yield* next.forwarded
      yield* Local.quiet(relay)
      assert.strictEqual(relay.output.size(file("ch_0")), 2500)
    })
  )
})

/** What an edge logs until the relay has everything. */
const loggedOf = (files: MemoryFiles) =>
  Effect.gen(function* () {
    const { layer, lines } = logged()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const relay = yield* TestRelay.make()
        const local = yield* Local.start({ ...relay, files: files.service })
        yield* local.forwarded
      })
    ).pipe(Effect.provide(layer))
    return lines.filter((line) => line.includes("spool is damaged"))
  })

/** Where the last record of a segment begins. */
const lastOf = (bytes: Buffer): number => {
  let at = 0
  for (let next = 0; next < bytes.length; next += headBytes + bytes.readUInt32BE(next + offsets.byteCount)) at = next
  return at
}

const places = [
  ["in the midst of the journal, its head", 0, 3],
  ["in the midst of the journal, its payload", 0, headBytes],
  ["the newest, its head", -1, 3],
  ["the newest, its payload", -1, headBytes]
] as const

describe("a segment whose last record is damaged", () => {
  it.live("is named, and no other", () =>
    Effect.gen(function* () {
      const whole = yield* left(3, 200)
      const paths = whole.paths("/spool").filter(isSegment).sort()
      assert.isAbove(paths.length, 1)
      for (const [what, segment, byte] of places) {
        const image = copyOf(whole)
        const path = paths.at(segment) ?? ""
        const bytes = Buffer.from(image.read(path) ?? [])
        const at = lastOf(bytes) + byte
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
        image.write(path, bytes)
        const lines = yield* loggedOf(image)
        assert.isTrue(
          lines.some((line) => line.includes(masked(path))),
          `${what}: ${lines}`
        )
      }
      assert.deepStrictEqual(yield* loggedOf(whole), [])
    })
  )
})

describe("a journal of which no record is left", () => {
  it.live("is named, whether its segment is empty or gone", () =>
    Effect.gen(function* () {
      const whole = yield* left(3)
      const [path = "", ...others] = whole.paths("/spool").filter(isSegment)
      assert.deepStrictEqual(others, [])
      const directory = path.slice(0, path.lastIndexOf("/"))
      const gone = copyOf(whole)
      yield* gone.service.unlink(path)
      const empty = copyOf(whole)
      empty.write(path, Buffer.alloc(0))
      for (const image of [gone, empty]) {
        const [line, ...more] = yield* loggedOf(image)
        assert.include(line, `${masked(directory)}: no record is left of it`)
        assert.deepStrictEqual(more, [])
      }
    })
  )
})
