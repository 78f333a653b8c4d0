/** What a later version left, and this one could not go on with: it is told of, and stays as it is for that one. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import { logged } from "../support/logged.ts"
import * as Local from "./Local.ts"
import { story } from "./stories.ts"

const later = (text: string) => JSON.stringify({ ...JSON.parse(text), format: 2 })

const textOf = (files: MemoryFiles, path: string) => Buffer.from(files.read(path) ?? []).toString("latin1")

/** All files there, with their bytes, but for what an edge says of itself. */
const filesIn = (files: MemoryFiles, directory: string) =>
  files
    .paths(directory)
    .filter((path) => !path.includes("/status.json"))
    .map((path) => `${path} ${textOf(files, path)}`)

const size = 16

it.live("a relay leaves the session of an edge that a later one was recording to that one", () =>
  Effect.gen(function* () {
    const { goOnAt, leadTo, local, relay, stop } = yield* Local.begun(size)
    const { memory } = relay
    yield* stop
    const about = memory.paths("/traces/.journals").find((path) => path.endsWith(".json")) ?? assert.fail()
    const text = textOf(memory, about)
    memory.write(about, Buffer.from(later(text)))
    const left = filesIn(memory, "/traces")
    const { codes, layer, lines } = logged()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const earlier = yield* TestRelay.make({ memory })
        assert.deepStrictEqual(yield* earlier.relay.sessions, [])
        leadTo(earlier)
        yield* until("the edge to have asked", () => codes.filter((code) => code === "JOURNAL_WAITS").length > 1)
      })
    ).pipe(Effect.provide(layer))
    assert.include(`${lines}`, "a later version wrote it")
    assert.notInclude(codes, "JOURNAL_LOST")
    assert.deepStrictEqual(filesIn(memory, "/traces"), left)
    assert.strictEqual(local.edge.spool.journals.size, 1)
    memory.write(about, Buffer.from(text))
    yield* goOnAt(yield* TestRelay.make({ memory }), size)
  })
)

it.live("an edge leaves the sessions in its spool that a later one wrote to that one", () =>
  Effect.gen(function* () {
    const told = story(3)
    const files = new MemoryFiles()
    const scope = yield* Scope.make()
    const nowhere = { controlPort: 1, dataPort: 1 }
    const before = yield* Scope.provide(Local.start({ ...nowhere, files: files.service }), scope)
    const direct = yield* TestRelay.make()
    for (const ports of [before, direct]) {
      yield* Effect.scoped(told(Script.make(ports, direct.output, () => {})))
    }
    yield* Local.quiet(direct)
    yield* Scope.close(scope, Exit.void)
    const about = files.paths("/spool").find((path) => path.endsWith("/about.json")) ?? assert.fail()
    const text = textOf(files, about)
    files.write(about, Buffer.from(later(text)))
    const left = filesIn(files, "/spool")
    const relay = yield* TestRelay.make()
    const { codes, layer, lines } = logged()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const local = yield* Local.start({ ...relay, files: files.service })
        yield* until("it to be told", () => codes.length > 0)
        const other = Script.make(local, relay.output, () => {})
        yield* Effect.scoped(Local.whole(other, { name: "other", sessionId: 9 }))
        yield* until("another session to be forwarded", () => local.edge.spool.journals.size === 1)
      })
    ).pipe(Effect.provide(layer))
    assert.deepStrictEqual(new Set(codes.filter((code) => code !== undefined)), new Set(["SPOOL_UNREAD"]))
    assert.include(`${lines}`, "a later version wrote it")
    assert.deepStrictEqual(filesIn(files, "/spool"), left)
    files.write(about, Buffer.from(text))
    const next = yield* TestRelay.make()
    const local = yield* Local.start({ ...next, files: files.service })
    yield* local.forwarded
    yield* Local.quiet(next)
    assert.deepStrictEqual(next.output.tree(), direct.output.tree())
  })
)
