/** Directories of the store: nothing leaves the output directory, renames take what is theirs, deletes no more. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { TraceDirectory } from "../../src/storage/TraceDirectory.ts"
import { output, type Stored, withStore } from "./stores.ts"

const bytes = (text: string) => Buffer.from(text)

const claim = (what: string, body: (stored: Stored) => Effect.Effect<void, unknown>) =>
  it.effect(what, () => withStore({}, body))

const put = (directory: TraceDirectory, subdirectory: string, name: string, text: string) =>
  Effect.gen(function* () {
    const file = yield* directory.create(subdirectory, name, false)
    yield* file.write([bytes(text)], 0)
    return file
  })

const codeOf = <A>(step: Effect.Effect<A, { readonly code: string }>) => Effect.map(Effect.flip(step), (e) => e.code)
const below = (paths: ReadonlyArray<string>) => paths.map((path) => path.replace(`${output}/`, ""))

describe("the output directory contains everything", () => {
  claim("it is made when first needed, and may be a link itself", ({ memory, store }) =>
    Effect.gen(function* () {
      memory.write("/elsewhere/x", bytes(""))
      memory.link(output, "/elsewhere")
      yield* put(store.directory("s"), "ust", "ch", "a")
      assert.strictEqual(memory.read("/elsewhere/s/ust/ch")?.toString(), "a")
    })
  )

  claim("a directory that climbs out is refused before anything is made", ({ memory, store }) =>
    Effect.gen(function* () {
      yield* store.directory("s").make
      assert.strictEqual(yield* codeOf(store.directory("../outside").make), "EPERM")
      assert.strictEqual(yield* codeOf(put(store.directory("s"), "../../outside", "f", "x")), "EPERM")
      assert.strictEqual(yield* codeOf(put(store.directory("s"), "ust", "../../../f", "x")), "EPERM")
      assert.strictEqual(yield* codeOf(put(store.directory("../out2"), "", "f", "x")), "EPERM")
      assert.strictEqual(yield* codeOf(store.directory("s").rename("../out2", true)), "EPERM")
      assert.deepStrictEqual(memory.paths(), [`${output}/s/`])
    })
  )

  claim("links to directories are the operator's and are followed, wherever they lead", ({ memory, store }) =>
    Effect.gen(function* () {
      memory.write("/disk2/notes", bytes("n"))
      memory.write(`${output}/inside/x`, bytes(""))
      memory.link(`${output}/host`, "/disk2")
      const directory = store.directory("host/s")
      yield* put(directory, "ust", "ch", "a")
      memory.link("/disk2/s/ust/in", `${output}/inside`)
      yield* put(directory, "ust/in/deeper", "ch", "b")
      assert.strictEqual(memory.read(`${output}/inside/deeper/ch`)?.toString(), "b")
      yield* directory.rename("host/s/.tmp_old_chunk", false)
      assert.strictEqual(memory.read("/disk2/s/.tmp_old_chunk/ust/ch")?.toString(), "a")
      yield* Effect.orDie(memory.service.unlink("/disk2/s/.tmp_old_chunk/ust/in"))
      yield* directory.rename("host/s/archives/done", true)
      assert.deepStrictEqual(yield* directory.remove(true), [])
      assert.deepStrictEqual(memory.paths("/disk2"), ["/disk2/notes", "/disk2/s/archives/"])
    })
  )

  claim("a link in the place of a file is not followed", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      yield* put(directory, "ust", "other", "x")
      memory.write("/outside/precious", bytes("p"))
      memory.link(`${output}/s/ust/ch`, "/outside/precious")
      assert.strictEqual(yield* codeOf(directory.create("ust", "ch", false)), "EEXIST")
      assert.strictEqual(yield* codeOf(directory.open("ust", "ch", "continue")), "ELOOP")
      yield* put(directory, "ust", "ch2", "x")
      const replaced = yield* directory.create("ust", "ch", true)
      yield* replaced.write([bytes("mine")], 0)
      assert.strictEqual(memory.read("/outside/precious")?.toString(), "p")
    })
  )
})

describe("nothing foreign is emptied", () => {
  claim("a file must be new, be its own, or be said to be replaced", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      memory.write(`${output}/s/ust/ch`, bytes("finished"))
      memory.write(`${output}/s/kernel/ch/inside`, bytes("in the way"))
      assert.strictEqual(yield* codeOf(directory.create("ust", "ch", false)), "EEXIST")
      assert.strictEqual(yield* codeOf(directory.empty("ust", "ch")), "EEXIST")
      assert.strictEqual(yield* codeOf(directory.create("kernel", "ch", false)), "EISDIR")
      yield* put(directory, "ust", "own", "mine")
      yield* directory.empty("ust", "own")
      assert.strictEqual(memory.read(`${output}/s/ust/own`)?.length, 0)
      assert.strictEqual(memory.read(`${output}/s/ust/ch`)?.toString(), "finished")
    })
  )

  claim(
    "a file of an earlier directory at the same place may be emptied, which makes no other of its own",
    ({ memory, store }) =>
      Effect.gen(function* () {
        const [earlier, later, elsewhere] = [store.directory("s"), store.directory("s"), store.directory("t")]
        yield* put(earlier, "ust", "ch", "one")
        yield* put(earlier, "ust", "other", "two")
        yield* put(elsewhere, "ust", "other", "three")
        yield* later.empty("ust", "ch", earlier)
        assert.strictEqual(yield* codeOf(later.empty("ust", "other", elsewhere)), "EEXIST")
        assert.deepStrictEqual(yield* later.remove(false), [])
        assert.deepStrictEqual(below(memory.paths(output)), ["s/ust/other", "t/ust/other"])
      })
  )

  claim("a directory with files of others is taken; one with directories, or its own, is not", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      memory.write(`${output}/s/ust/uid/0/64-bit/ch`, bytes("finished"))
      assert.isTrue(yield* directory.isTaken("ust/uid/0/64-bit"))
      assert.isFalse(yield* directory.isTaken("ust/uid/0"))
      assert.isFalse(yield* directory.isTaken("ust/uid/0/32-bit"))
      yield* put(directory, "ust/uid/0/32-bit", "ch", "mine")
      assert.isFalse(yield* directory.isTaken("ust/uid/0/32-bit"))
      assert.isTrue(yield* store.directory("s").isTaken("ust/uid/0/32-bit"))
    })
  )
})

describe("what may be in the way of a new session", () => {
  claim("is a file of those that are meant, however deep; directories without files are not", ({ memory, store }) =>
    Effect.gen(function* () {
      memory.write(`${output}/s/ust/uid/0/64-bit/ch`, bytes("finished"))
      memory.write(`${output}/s/kernel/index/left`, bytes(""))
      yield* Effect.orDie(memory.service.unlink(`${output}/s/kernel/index/left`))
      memory.link(`${output}/s/nowhere`, `${output}/none`)
      memory.link(`${output}/s/circle`, `${output}/s/circled`)
      memory.write(`${output}/s/circled/left`, bytes(""))
      yield* Effect.orDie(memory.service.unlink(`${output}/s/circled/left`))
      memory.link(`${output}/s/circled/back`, `${output}/s/circled`)
      memory.write(`${output}/s/metadata`, bytes("finished"))
      for (const [name, holds] of [
        ["ust", true],
        ["metadata", true],
        ["kernel", false],
        ["nowhere", false],
        ["circle", false]
      ] as const)
        assert.strictEqual(yield* store.directory("s").holdsFile((entry) => entry === name), holds, name)
    })
  )
})

describe("renaming (storage.md §4.3)", () => {
  claim("to the same path does nothing", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/a")
      yield* put(directory, "ust", "ch", "x")
      yield* directory.rename("s/a", true)
      assert.deepStrictEqual(below(memory.paths(output)), ["s/a/ust/ch"])
    })
  )

  claim("from one directory to another is one rename, which takes foreign files along", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/.tmp_new_chunk")
      yield* put(directory, "ust", "ch", "x")
      memory.write(`${output}/s/.tmp_new_chunk/foreign`, bytes("f"))
      yield* directory.rename("s/archives/first", true)
      assert.deepStrictEqual(below(memory.paths(output)), ["s/archives/first/foreign", "s/archives/first/ust/ch"])
      assert.strictEqual(directory.relativePath, "s/archives/first")
    })
  )

  claim("onto a directory that is not empty fails and leaves both as they were", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/a")
      const file = yield* put(directory, "ust", "ch", "x")
      memory.write(`${output}/s/b/foreign`, bytes("f"))
      assert.strictEqual(yield* codeOf(directory.rename("s/b", true)), "ENOTEMPTY")
      yield* file.write([bytes("y")], 1)
      assert.deepStrictEqual(below(memory.paths(output)), ["s/a/ust/ch", "s/b/foreign"])
      assert.strictEqual(memory.read(`${output}/s/a/ust/ch`)?.toString(), "xy")
    })
  )

  claim("from the session directory into one below moves what is its own only", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      yield* put(directory, "ust/uid/0/64-bit", "ch", "x")
      yield* put(directory, "kernel", "ch", "k")
      memory.write(`${output}/s/foreign`, bytes("f"))
      memory.write(`${output}/s/archives/older/x`, bytes("f"))
      memory.write(`${output}/s/.tmp_old_chunk/left`, bytes("l"))
      yield* directory.rename("s/.tmp_old_chunk", false)
      assert.deepStrictEqual(below(memory.paths(output)), [
        "s/.tmp_old_chunk/kernel/ch",
        "s/.tmp_old_chunk/left",
        "s/.tmp_old_chunk/ust/uid/0/64-bit/ch",
        "s/archives/older/x",
        "s/foreign"
      ])
    })
  )

  claim("and back up again, after which the lower directory is gone", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/.tmp_old_chunk")
      yield* put(directory, "ust", "ch", "x")
      memory.write(`${output}/s/foreign`, bytes("f"))
      yield* directory.rename("s", false)
      assert.deepStrictEqual(below(memory.paths(output)), ["s/foreign", "s/ust/ch"])
    })
  )

  claim("back up fails where foreign files would stay below", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/.tmp_old_chunk")
      yield* put(directory, "ust", "ch", "x")
      memory.write(`${output}/s/.tmp_old_chunk/foreign`, bytes("f"))
      assert.strictEqual(yield* codeOf(directory.rename("s", false)), "ENOTEMPTY")
    })
  )

  claim("of several directories moves all or, where one cannot be moved, none", ({ memory, faults, store }) =>
    Effect.gen(function* () {
      for (const [from, to, code] of [
        ["a", "a/.tmp_old_chunk", "EIO"],
        ["b/.tmp_new_chunk", "b", "EIO"],
        ["c/.tmp_new_chunk", "c", "ENOTEMPTY"]
      ] as const) {
        const directory = store.directory(from)
        const file = yield* put(directory, "kernel", "ch", "k")
        yield* put(directory, "ust/uid/0/64-bit", "ch", "x")
        if (code === "EIO") faults.fail({ code, operation: "rename", after: 1, times: 1 })
        else memory.write(`${output}/${from}/foreign`, bytes("f"))
        assert.strictEqual(yield* codeOf(directory.rename(to, false)), code)
        yield* put(directory, "kernel", "late", "l")
        yield* file.write([bytes("y")], 1)
        const files = memory.paths(`${output}/${from}`).filter((path) => !/\/$|foreign/.test(path))
        const own = ["kernel/ch", "kernel/late", "ust/uid/0/64-bit/ch"].map((path) => `${from}/${path}`)
        assert.deepStrictEqual(below(files), own)
        assert.deepStrictEqual(yield* directory.remove(false), [])
        assert.isUndefined(memory.read(`${output}/${from}/kernel/ch`))
      }
    })
  )

  claim("open files go on through it; later ones are made where the directory is now", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      const file = yield* put(directory, "ust", "ch", "x")
      yield* directory.rename("s/.tmp_old_chunk", false)
      yield* file.write([bytes("y")], 1)
      yield* put(directory, "ust", "late", "l")
      yield* directory.rename("s/archives/done", true)
      yield* file.write([bytes("z")], 2)
      assert.deepStrictEqual(below(memory.paths(output)), ["s/archives/done/ust/ch", "s/archives/done/ust/late"])
      assert.strictEqual(memory.read(`${output}/s/archives/done/ust/ch`)?.toString(), "xyz")
    })
  )

  claim("waits for an open inside, and an open waits for it", ({ memory, faults, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/a")
      yield* directory.make
      const release = faults.stall("/ust/ch")
      const opening = yield* Effect.forkChild(put(directory, "ust", "ch", "x"), { startImmediately: true })
      while (faults.stalledCount === 0) yield* Effect.yieldNow
      const renaming = yield* Effect.forkChild(directory.rename("s/b", true), { startImmediately: true })
      const late = yield* Effect.forkChild(put(directory, "ust", "late", "l"), { startImmediately: true })
      assert.isUndefined(renaming.pollUnsafe())
      yield* release
      while (late.pollUnsafe() === undefined) yield* Effect.yieldNow
      assert.strictEqual(opening.pollUnsafe()?._tag, "Success")
      assert.strictEqual(renaming.pollUnsafe()?._tag, "Success")
      assert.deepStrictEqual(below(memory.paths(output)), ["s/b/ust/ch", "s/b/ust/late"])
    })
  )
})

describe("deleting", () => {
  claim("takes every file made through it and the directories left empty", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/.tmp_old_chunk")
      yield* put(directory, "ust/uid/0/64-bit", "ch", "x")
      yield* put(directory, "ust/uid/0/64-bit/index", "ch.idx", "x")
      yield* put(directory, "kernel", "ch", "x")
      assert.deepStrictEqual(yield* directory.remove(true), [])
      assert.deepStrictEqual(below(memory.paths(output)), ["s/"])
    })
  )

  claim("spares foreign files and the directories they need", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s")
      yield* put(directory, "ust/uid/0/64-bit", "ch", "x")
      yield* put(directory, "ust/pid/1", "ch", "x")
      memory.write(`${output}/s/ust/uid/notes`, bytes("f"))
      memory.write(`${output}/s/README`, bytes("f"))
      assert.deepStrictEqual(yield* directory.remove(false), [])
      assert.deepStrictEqual(below(memory.paths(output)), ["s/README", "s/ust/uid/notes"])
    })
  )

  claim("goes on past a file that cannot be deleted, and says so", ({ memory, faults, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/c")
      yield* put(directory, "ust", "bad", "x")
      yield* put(directory, "ust", "good", "x")
      faults.fail({ code: "EIO", operation: "unlink", path: "bad" })
      const failures = yield* directory.remove(true)
      assert.deepStrictEqual(
        failures.map(({ operation, code }) => `${operation} ${code}`),
        ["unlink EIO"]
      )
      assert.deepStrictEqual(below(memory.paths(output)), ["s/c/ust/bad"])
    })
  )

  claim("is content with what somebody else deleted before", ({ memory, store }) =>
    Effect.gen(function* () {
      const directory = store.directory("s/c")
      yield* put(directory, "ust", "ch", "x")
      yield* Effect.orDie(memory.service.unlink(`${output}/s/c/ust/ch`))
      assert.deepStrictEqual(yield* directory.remove(true), [])
    })
  )
})
