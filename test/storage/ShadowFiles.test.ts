/** Names that stand in for those on a disk. Goal: as on one in memory; and what is elsewhere costs nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Files } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { ShadowFiles } from "../../src/storage/ShadowFiles.ts"
import { Random } from "../support/Random.ts"

type Service = Files["Service"]

const sorted = <A extends { readonly name: string }>(entries: ReadonlyArray<A>) =>
  [...entries].sort((a, b) => (a.name < b.name ? -1 : 1))

/** Everything below `at`. */
const treeOf = (files: Service, at: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    for (const { isDirectory, name } of sorted(yield* files.list(at))) {
      lines.push(`${at}/${name}${isDirectory ? "/" : ""}`)
      if (isDirectory) lines.push(...(yield* treeOf(files, `${at}/${name}`)))
    }
    return lines
  }).pipe(Effect.orDie)

/** What a directory of a session goes through, in no order; what is not possible is refused. */
const change = (random: Random): ((files: Service) => Effect.Effect<string>) => {
  const some = () => `/traces/${random.pick(["a", "b"])}`
  const path = () => (random.chance(0.5) ? `${some()}/${random.pick(["c", "d"])}` : some())
  const [at, from, to] = [path(), path(), path()]
  const told = <A>(act: Effect.Effect<A, { readonly code: string }>) =>
    Effect.match(act, { onSuccess: () => "done", onFailure: ({ code }) => code })
  return random.pick<(files: Service) => Effect.Effect<string>>([
    ({ makeDirectory }) => told(makeDirectory(at)),
    ({ makeDirectory, open }) => told(Effect.andThen(makeDirectory(at), open(`${at}/file`, "new"))),
    ({ unlink }) => told(unlink(`${at}/file`)),
    ({ removeDirectory }) => told(removeDirectory(at)),
    ({ rename }) => (to.startsWith(from) ? Effect.succeed("") : told(rename(`${from}/file`, `${to}/file`))),
    // What lies at the new name would be joined with what comes.
    ({ list, rename }) =>
      to.startsWith(from) || from.startsWith(to)
        ? Effect.succeed("")
        : Effect.flatMap(Effect.isSuccess(list(to)), (is) => (is ? Effect.succeed("") : told(rename(from, to))))
  ])
}

describe("shadows of files", () => {
  it("have the names that files in memory have after the same changes", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed)
      const memory = new MemoryFiles().service
      const shadow = new ShadowFiles(memory, new Set(["/traces"]))
      Effect.runSync(
        Effect.gen(function* () {
          for (const files of [memory, shadow.service]) {
            yield* files.makeDirectory("/traces/a")
            yield* files.makeDirectory("/traces/b")
          }
          for (let step = 0; step < 30; step++) {
            const act = change(random)
            // A name in a directory that is not there: the relay makes directories first.
            const isRefused = (yield* act(memory)) !== "done"
            if (!isRefused) yield* act(shadow.service)
            assert.deepStrictEqual(
              yield* treeOf(shadow.service, "/traces"),
              yield* treeOf(memory, "/traces"),
              `${seed}`
            )
            for (const at of ["/traces/a", "/traces/b/d"]) {
              const known = shadow.filesIn(at)
              assert.strictEqual(shadow.hasFiles(at), known.length > 0)
              assert.deepStrictEqual(
                [...known].sort(),
                [...shadow.files.keys()].filter((path) => path.startsWith(`${at}/`)).sort()
              )
            }
          }
        })
      )
    }
  })

  it("are removed as they are when it is done, not when it was asked for", () => {
    const { list, makeDirectory, removeDirectory } = new ShadowFiles(new MemoryFiles().service, new Set(["/traces"]))
      .service
    Effect.runSync(makeDirectory("/traces/a/b"))
    const listed = list("/traces")
    Effect.runSync(Effect.andThen(removeDirectory("/traces/a/b"), removeDirectory("/traces/a")))
    assert.deepStrictEqual(Effect.runSync(listed), [])
  })

  it("are gone through for what lies in a directory alone, however many lie beside it", () => {
    const looksFor = (count: number) => {
      const shadow = new ShadowFiles(new MemoryFiles().service, new Set(["/traces"]))
      const { list, makeDirectory, open, removeDirectory, rename, unlink } = shadow.service
      const applications = Array.from({ length: count }, (_, number) => `/traces/ust/pid/app-${number}`)
      let lookCount = 0
      const made = Effect.forEach(applications, (at) => Effect.andThen(makeDirectory(at), open(`${at}/ch_0`, "new")))
      Effect.runSync(made)
      for (const all of [shadow.files, shadow.directories]) {
        const keys = all.keys.bind(all)
        const counted = function* () {
          for (const key of keys()) {
            lookCount++
            yield key
          }
        }
        Object.assign(all, { keys: counted })
        Object.defineProperty(all, Symbol.iterator, {
          value: function* () {
            for (const key of counted()) yield all === shadow.directories ? key : [key, shadow.files.get(key)]
          }
        })
      }
      // As a clear does, and a rotation of one application's directory.
      const cleared = Effect.forEach(applications, (at) =>
        Effect.gen(function* () {
          yield* rename(at, `${at}-old`)
          yield* unlink(`${at}-old/ch_0`)
          assert.deepStrictEqual(yield* list(`${at}-old`), [])
          yield* removeDirectory(`${at}-old`)
        })
      )
      Effect.runSync(cleared)
      assert.strictEqual(shadow.files.size, 0)
      return lookCount
    }
    assert.isAtMost(looksFor(200), 2 * looksFor(100))
  })
})
