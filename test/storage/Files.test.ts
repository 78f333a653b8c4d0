/**
 * What every `Files` must do, claimed once and asked of each: memory, disk, and a slow one. The disk runs in a
 * directory of its own; symbolic links are made behind the store's back.
 */
import { mkdtempSync, realpathSync, rmSync, statfsSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Scope } from "effect"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { FaultyFiles } from "../../src/storage/FaultyFiles.ts"
import { Files, isPrompt, type OpenFile } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { kindOf } from "../../src/storage/Promptness.ts"

interface Ground {
  readonly files: Files["Service"]
  /** An existing, empty directory. */
  readonly root: string
  readonly link: (path: string, target: string) => void
}

const memory = Effect.gen(function* () {
  const store = new MemoryFiles()
  yield* store.service.makeDirectory("/root")
  return { files: store.service, root: "/root", link: (path: string, target: string) => store.link(path, target) }
})

const slow = Effect.map(memory, (ground) => {
  const faulty = new FaultyFiles(ground.files)
  faulty.slow("1 millis")
  return { ...ground, files: faulty.service }
})

const diskIn = (directory: string) =>
  Effect.gen(function* () {
    const files = yield* Effect.provide(Files, DiskFiles.layer)
    const root = yield* Effect.acquireRelease(
      Effect.sync(() => realpathSync(mkdtempSync(join(directory, "files-")))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true }))
    )
    return { files, root, link: (path: string, target: string) => symlinkSync(target, path) }
  })

const grounds: Readonly<Record<string, Effect.Effect<Ground, unknown, Scope.Scope>>> = {
  memory,
  disk: diskIn(tmpdir()),
  tmpfs: diskIn("/dev/shm"),
  slow
}

const bytes = (text: string) => Buffer.from(text)
const isRemoved = (file: OpenFile) => file.isRemoved ?? Effect.die(new Error("nobody knows"))

for (const [name, ground] of Object.entries(grounds)) {
  const claim = (what: string, body: (ground: Ground) => Effect.Effect<void, unknown>) =>
    it.live(what, () => Effect.scoped(Effect.flatMap(ground, body)))

  const content = (files: Files["Service"], path: string) =>
    Effect.gen(function* () {
      const file = yield* files.open(path, "read")
      const into = Buffer.alloc(100)
      const count = yield* file.read(into, 0)
      yield* file.close
      return into.toString("latin1", 0, count)
    })
  const put = (files: Files["Service"], path: string, text: string) =>
    Effect.gen(function* () {
      const file = yield* files.open(path, "create")
      yield* file.write([bytes(text)], 0)
      yield* file.close
    })
  const codeOf = <A>(step: Effect.Effect<A, { readonly code: string }>) => Effect.map(Effect.flip(step), (e) => e.code)

  describe(`Files in ${name}`, () => {
    claim("a file holds what was written, vectors and gaps included", ({ files, root }) =>
      Effect.gen(function* () {
        const file = yield* files.open(`${root}/f`, "create")
        yield* file.write([bytes("ab"), bytes(""), bytes("cd")], 0)
        yield* file.write([bytes("z")], 6)
        const into = Buffer.alloc(3)
        assert.strictEqual(yield* file.read(into, 2), 3)
        assert.strictEqual(into.toString("latin1"), "cd\0")
        assert.strictEqual(yield* file.read(into, 6), 1)
        assert.strictEqual(yield* file.read(into, 60), 0)
        yield* file.close
        assert.strictEqual(yield* content(files, `${root}/f`), "abcd\0\0z")
      })
    )

    claim("writes of very many pieces are whole", ({ files, root }) =>
      Effect.gen(function* () {
        const file = yield* files.open(`${root}/f`, "create")
        const pieces = Array.from({ length: 2500 }, (_, at) => Buffer.from([at & 255, at >> 8]))
        yield* file.write(pieces, 1)
        const into = Buffer.alloc(5001)
        assert.strictEqual(yield* file.read(into, 0), 5001)
        assert.isTrue(into.subarray(1).equals(Buffer.concat(pieces)))
        yield* file.close
      })
    )

    claim("create empties, continue and read do not make", ({ files, root }) =>
      Effect.gen(function* () {
        yield* put(files, `${root}/f`, "old")
        const again = yield* files.open(`${root}/f`, "continue")
        yield* again.write([bytes("X")], 1)
        yield* again.close
        assert.strictEqual(yield* content(files, `${root}/f`), "oXd")
        yield* put(files, `${root}/f`, "")
        assert.strictEqual(yield* content(files, `${root}/f`), "")
        assert.strictEqual(yield* codeOf(files.open(`${root}/g`, "continue")), "ENOENT")
        assert.strictEqual(yield* codeOf(files.open(`${root}/g`, "read")), "ENOENT")
        assert.strictEqual(yield* codeOf(files.open(`${root}/no/g`, "create")), "ENOENT")
        assert.strictEqual(yield* codeOf(files.open(`${root}/f/g`, "create")), "ENOTDIR")
      })
    )

    claim("truncate cuts, and grows with zeros", ({ files, root }) =>
      Effect.gen(function* () {
        const file = yield* files.open(`${root}/f`, "create")
        yield* file.write([bytes("abcdef")], 0)
        yield* file.truncate(2)
        yield* file.truncate(4)
        yield* file.close
        assert.strictEqual(yield* content(files, `${root}/f`), "ab\0\0")
      })
    )

    claim("an open file outlives its name, follows its rename, and is told from its successor", ({ files, root }) =>
      Effect.gen(function* () {
        const file = yield* files.open(`${root}/f`, "create")
        yield* file.write([bytes("first")], 0)
        yield* files.unlink(`${root}/f`)
        const second = yield* files.open(`${root}/f`, "create")
        assert.notStrictEqual(second.inode, file.inode)
        assert.strictEqual(second.device, file.device)
        yield* second.write([bytes("second")], 0)
        const into = Buffer.alloc(10)
        assert.strictEqual(yield* file.read(into, 0), 5)
        yield* files.rename(`${root}/f`, `${root}/g`)
        assert.deepStrictEqual([yield* isRemoved(file), yield* isRemoved(second)], [true, false])
        yield* second.write([bytes("!")], 6)
        yield* second.close
        yield* file.close
        assert.strictEqual(yield* content(files, `${root}/g`), "second!")
        const reopened = yield* files.open(`${root}/g`, "read")
        assert.strictEqual(reopened.inode, second.inode)
        yield* reopened.close
      })
    )

    claim("a displaced file is gone, but not for those who have it open", ({ files, root }) =>
      Effect.gen(function* () {
        const file = yield* files.open(`${root}/f`, "create")
        yield* file.write([bytes("first")], 0)
        yield* files.displace(`${root}/f`)
        assert.strictEqual(yield* codeOf(files.displace(`${root}/f`)), "ENOENT")
        yield* put(files, `${root}/f`, "second")
        assert.isTrue(yield* isRemoved(file))
        const into = Buffer.alloc(10)
        assert.strictEqual(yield* file.read(into, 0), 5)
        assert.strictEqual(into.toString("latin1", 0, 5), "first")
        yield* file.close
        yield* files.makeDirectory(`${root}/d`)
        assert.isDefined(yield* codeOf(files.displace(`${root}/d`)))
      })
    )

    claim("what can be written at once is what write would have written", ({ files, root }) =>
      Effect.gen(function* () {
        const file = yield* files.open(`${root}/f`, "create")
        const text = bytes("..abcdef..")
        const count = file.writeNow?.(text, 2, 8, 3) ?? 0
        if (count < 6) yield* file.write([text.subarray(2 + count, 8)], 3 + count)
        yield* file.close
        assert.strictEqual(yield* content(files, `${root}/f`), "\0\0\0abcdef")
        const reading = yield* files.open(`${root}/f`, "read")
        assert.strictEqual(reading.writeNow?.(text, 0, 1, 0) ?? 0, 0)
        yield* reading.close
      })
    )

    claim("directories are made with their parents, and accepted when there", ({ files, root }) =>
      Effect.gen(function* () {
        yield* files.makeDirectory(`${root}/a/b/c`)
        yield* files.makeDirectory(`${root}/a/b`)
        yield* put(files, `${root}/a/b/f`, "x")
        const found = [...(yield* files.list(`${root}/a/b`))].sort((x, y) => x.name.localeCompare(y.name))
        assert.deepStrictEqual(found, [
          { name: "c", isDirectory: true },
          { name: "f", isDirectory: false }
        ])
        assert.strictEqual(yield* codeOf(files.makeDirectory(`${root}/a/b/f`)), "EEXIST")
        assert.strictEqual(yield* codeOf(files.makeDirectory(`${root}/a/b/f/g`)), "ENOTDIR")
        assert.strictEqual(yield* codeOf(files.list(`${root}/none`)), "ENOENT")
        assert.strictEqual(yield* codeOf(files.list(`${root}/a/b/f`)), "ENOTDIR")
      })
    )

    claim("rename replaces files and empty directories, nothing else", ({ files, root }) =>
      Effect.gen(function* () {
        yield* files.makeDirectory(`${root}/a/sub`)
        yield* files.makeDirectory(`${root}/b`)
        yield* put(files, `${root}/a/f`, "a")
        yield* put(files, `${root}/g`, "g")
        yield* files.rename(`${root}/a`, `${root}/b`)
        assert.strictEqual(yield* content(files, `${root}/b/f`), "a")
        yield* files.rename(`${root}/g`, `${root}/b/f`)
        assert.strictEqual(yield* content(files, `${root}/b/f`), "g")
        yield* files.makeDirectory(`${root}/c`)
        assert.strictEqual(yield* codeOf(files.rename(`${root}/c`, `${root}/b`)), "ENOTEMPTY")
        assert.strictEqual(yield* codeOf(files.rename(`${root}/b/f`, `${root}/c`)), "EISDIR")
        assert.strictEqual(yield* codeOf(files.rename(`${root}/c`, `${root}/b/f`)), "ENOTDIR")
        assert.strictEqual(yield* codeOf(files.rename(`${root}/b`, `${root}/b/sub/x`)), "EINVAL")
        assert.strictEqual(yield* codeOf(files.rename(`${root}/none`, `${root}/x`)), "ENOENT")
        assert.strictEqual(yield* codeOf(files.rename(`${root}/c`, `${root}/none/x`)), "ENOENT")
        yield* files.rename(`${root}/c`, `${root}/c`)
      })
    )

    claim("removing wants the right kind, and an empty directory", ({ files, root }) =>
      Effect.gen(function* () {
        yield* files.makeDirectory(`${root}/a`)
        yield* put(files, `${root}/a/f`, "x")
        assert.strictEqual(yield* codeOf(files.removeDirectory(`${root}/a`)), "ENOTEMPTY")
        assert.strictEqual(yield* codeOf(files.removeDirectory(`${root}/a/f`)), "ENOTDIR")
        assert.include(["EISDIR", "EPERM"], yield* codeOf(files.unlink(`${root}/a`)))
        yield* files.unlink(`${root}/a/f`)
        assert.strictEqual(yield* codeOf(files.unlink(`${root}/a/f`)), "ENOENT")
        yield* files.removeDirectory(`${root}/a`)
        assert.strictEqual(yield* codeOf(files.removeDirectory(`${root}/a`)), "ENOENT")
      })
    )

    claim("links are resolved on the way, and never opened as files", ({ files, root, link }) =>
      Effect.gen(function* () {
        yield* files.makeDirectory(`${root}/real/deep`)
        yield* put(files, `${root}/real/f`, "f")
        link(`${root}/way`, `${root}/real`)
        link(`${root}/relative`, "real/deep")
        link(`${root}/file`, `${root}/real/f`)
        link(`${root}/loop`, `${root}/loop`)
        assert.strictEqual(yield* files.size(`${root}/relative`), "real/deep".length, "a link is as long as its text")
        assert.strictEqual(yield* content(files, `${root}/way/f`), "f")
        assert.strictEqual(yield* files.resolve(`${root}/way/deep`), `${root}/real/deep`)
        assert.strictEqual(yield* files.resolve(`${root}/relative`), `${root}/real/deep`)
        assert.strictEqual(yield* codeOf(files.open(`${root}/file`, "create")), "ELOOP")
        assert.strictEqual(yield* codeOf(files.open(`${root}/file`, "read")), "ELOOP")
        assert.strictEqual(yield* codeOf(files.resolve(`${root}/loop`)), "ELOOP")
        assert.strictEqual(yield* codeOf(files.resolve(`${root}/none`)), "ENOENT")
        const kinds = new Map((yield* files.list(root)).map((entry) => [entry.name, entry.isDirectory]))
        assert.isFalse(kinds.get("way"))
        yield* files.unlink(`${root}/way`)
        assert.strictEqual(yield* content(files, `${root}/real/f`), "f")
      })
    )

    claim("a name may have 255 bytes", ({ files, root }) =>
      Effect.gen(function* () {
        yield* put(files, `${root}/${"n".repeat(255)}`, "x")
        assert.strictEqual(yield* codeOf(files.open(`${root}/${"n".repeat(256)}`, "create")), "ENAMETOOLONG")
      })
    )
  })
}

it.live("files of tmpfs are written at once, those of a disk if it is local, and none that is only read", () =>
  Effect.gen(function* () {
    const { files, root } = yield* diskIn("/dev/shm")
    const file = yield* files.open(`${root}/f`, "create")
    assert.strictEqual(file.writeNow?.(bytes("abc"), 0, 3, 0), 3)
    yield* file.close
    const directory = process.cwd()
    const onDisk = yield* files.open(join(directory, "package.json"), "continue")
    assert.strictEqual(!isPrompt(onDisk), kindOf(statfsSync(directory).type) === "far")
    yield* onDisk.close
    const onlyRead = yield* files.open(`${root}/f`, "read")
    assert.isFalse(isPrompt(onlyRead))
    yield* onlyRead.close
  })
)

describe("Files in memory", () => {
  it.effect("a full store takes what fits, says ENOSPC, and has room again after an unlink", () =>
    Effect.gen(function* () {
      const store = new MemoryFiles({ bytesMax: 10 })
      const files = store.service
      const first = yield* files.open("/first", "create")
      yield* first.write([bytes("12345678")], 0)
      const second = yield* files.open("/second", "create")
      assert.strictEqual((yield* Effect.flip(second.write([bytes("ab"), bytes("cd")], 0))).code, "ENOSPC")
      assert.strictEqual(store.read("/second")?.toString(), "ab")
      yield* first.write([bytes("*")], 3)
      yield* files.unlink("/first")
      yield* second.write([bytes("cd")], 2)
      assert.strictEqual(store.read("/second")?.toString(), "abcd")
      assert.strictEqual(store.usedBytes, 4)
    })
  )

  it.effect("a full store takes at once what fits", () =>
    Effect.gen(function* () {
      const store = new MemoryFiles({ bytesMax: 10 })
      const file = yield* store.service.open("/f", "create")
      assert.strictEqual(file.writeNow?.(bytes("0123456789ab"), 0, 12, 2), 8)
      assert.strictEqual(file.writeNow?.(bytes("x"), 0, 1, 10), 0)
      assert.strictEqual(store.read("/f")?.toString(), "\0\x0001234567")
    })
  )

  it.effect("a closed file refuses", () =>
    Effect.gen(function* () {
      const store = new MemoryFiles()
      const file = yield* store.service.open("/f", "create")
      assert.strictEqual(store.openCount, 1)
      yield* file.close
      yield* file.close
      assert.strictEqual(store.openCount, 0)
      assert.strictEqual((yield* Effect.flip(file.write([bytes("x")], 0))).code, "EBADF")
    })
  )

  it.effect("is a layer", () =>
    Effect.gen(function* () {
      const files = yield* Files
      yield* files.makeDirectory("/a")
      assert.lengthOf(yield* files.list("/"), 1)
    }).pipe(Effect.provide(Layer.sync(Files)(() => new MemoryFiles().service)))
  )
})

describe("Faulty files", () => {
  it.effect("fail as armed: which operation, where, after how many, how often", () =>
    Effect.gen(function* () {
      const faulty = new FaultyFiles(new MemoryFiles().service)
      const files = faulty.service
      faulty.fail({ code: "EMFILE", operation: "open", path: "bad", after: 1, times: 2 })
      yield* files.open("/bad1", "create")
      yield* files.open("/good", "create")
      assert.strictEqual((yield* Effect.flip(files.open("/bad2", "create"))).code, "EMFILE")
      assert.strictEqual((yield* Effect.flip(files.open("/bad2", "create"))).code, "EMFILE")
      yield* files.open("/bad2", "create")
      yield* files.unlink("/bad1")
    })
  )

  it.effect("a write is cut short where the bytes end", () =>
    Effect.gen(function* () {
      const store = new MemoryFiles()
      const faulty = new FaultyFiles(store.service)
      const file = yield* faulty.service.open("/f", "create")
      const disarm = faulty.fail({ code: "ENOSPC", operation: "write", afterBytes: 5 })
      yield* file.write([bytes("abc")], 0)
      assert.strictEqual((yield* Effect.flip(file.write([bytes("de"), bytes("fg")], 3))).code, "ENOSPC")
      assert.strictEqual(store.read("/f")?.toString(), "abcde")
      disarm()
      yield* file.write([bytes("fg")], 5)
      assert.strictEqual(store.read("/f")?.toString(), "abcdefg")
    })
  )

  it.live("stalled operations wait, others pass, and all go on in order when released", () =>
    Effect.gen(function* () {
      const store = new MemoryFiles()
      const faulty = new FaultyFiles(store.service)
      const files = faulty.service
      const release = faulty.stall("stuck")
      const stuck = yield* Effect.forkChild(files.open("/stuck", "create"), { startImmediately: true })
      yield* files.open("/free", "create")
      assert.strictEqual(faulty.stalledCount, 1)
      assert.deepStrictEqual(store.paths(), ["/free"])
      yield* release
      yield* Effect.yieldNow
      assert.strictEqual(stuck.pollUnsafe()?._tag, "Success")
      assert.strictEqual(faulty.inFlightCount, 0)
    })
  )

  it.live("each stall holds its paths until it is released itself, whatever else is stalled", () =>
    Effect.gen(function* () {
      const faulty = new FaultyFiles(new MemoryFiles().service)
      const releaseOne = faulty.stall("one")
      const releaseOther = faulty.stall("other")
      const open = (path: string) => Effect.forkChild(faulty.service.open(path, "create"), { startImmediately: true })
      const [one, other, both] = [yield* open("/one"), yield* open("/other"), yield* open("/one-other")]
      assert.strictEqual(faulty.stalledCount, 3)
      yield* releaseOther
      yield* Fiber.join(other)
      assert.deepStrictEqual([one.pollUnsafe(), both.pollUnsafe()], [undefined, undefined])
      yield* releaseOne
      yield* Fiber.join(one)
      yield* Fiber.join(both)
    })
  )
})
