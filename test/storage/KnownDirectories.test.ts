/** Names that are made in the caller's turn, on the machine's own files. */
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { Files } from "../../src/storage/Files.ts"
import { KnownDirectories } from "../../src/storage/KnownDirectories.ts"
import { Devices, type Kind } from "../../src/storage/Promptness.ts"

const tmpfs = 0x01021994

const temporary = (below: string) =>
  Effect.acquireRelease(
    Effect.sync(() => realpathSync(mkdtempSync(join(below, "known-")))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true }))
  )

/** What is on tmpfs is memory; other files are of the other kind. */
const ground = (other: Kind = "far") =>
  Effect.gen(function* () {
    const layer = DiskFiles.layerWith({ kindOf: (type) => (type === tmpfs ? "memory" : other) })
    const files = yield* Effect.provide(Files, layer)
    return { files, prompt: yield* temporary("/dev/shm"), elsewhere: yield* temporary(tmpdir()) }
  })

/** Whether it was done when the call returned, as asked by who waits for nothing; what it came to otherwise. */
const isNow = (operation: Effect.Effect<unknown, { readonly code: string }>) =>
  Exit.match(Effect.runSyncExit(operation), {
    onSuccess: () => true,
    onFailure: ({ reasons: [reason] }) => (reason?._tag === "Fail" ? reason.error.code : false)
  })

describe("a name in a directory of a prompt device", () => {
  it.effect("is made in the caller's turn once the directory is known, and so are all below it", () =>
    Effect.gen(function* () {
      const { files, prompt } = yield* ground()
      yield* files.makeDirectory(`${prompt}/session`)
      const domain = `${prompt}/session/ust/uid/`
      assert.isTrue(isNow(files.makeDirectory(domain)))
      assert.isTrue(isNow(files.makeDirectory(domain)), "again")
      assert.strictEqual(isNow(files.displace(`${domain}channel_0`)), "ENOENT")
      assert.isTrue(isNow(files.open(`${domain}channel_0`, "new")))
      const file = yield* files.open(`${domain}channel_0`, "continue")
      assert.isTrue(isNow(file.write([Buffer.from("header")], 0)))
      assert.strictEqual(yield* files.size(`${domain}channel_0`), 6)
    })
  )

  it.effect("is made by a thread where that may take its time: what empties a file, what reads", () =>
    Effect.gen(function* () {
      const { files, prompt } = yield* ground()
      yield* files.open(`${prompt}/a`, "new")
      assert.isTrue(isNow(files.open(`${prompt}/b`, "new")))
      assert.isFalse(isNow(files.open(`${prompt}/a`, "create")))
      assert.isFalse(isNow(files.open(`${prompt}/a`, "read")))
      const file = yield* files.open(`${prompt}/a`, "continue")
      assert.isFalse(isNow(file.write([Buffer.alloc(4097)], 0)))
    })
  )

  it.effect("is refused as by a thread", () =>
    Effect.gen(function* () {
      const { files, prompt } = yield* ground()
      yield* files.open(`${prompt}/file`, "new")
      const code = (operation: Effect.Effect<unknown, { readonly code: string }>) =>
        Effect.map(Effect.flip(operation), (failure) => failure.code)
      assert.strictEqual(yield* code(files.open(`${prompt}/file`, "new")), "EEXIST")
      assert.strictEqual(yield* code(files.open(`${prompt}/none/file`, "new")), "ENOENT")
      assert.strictEqual(yield* code(files.makeDirectory(`${prompt}/file/below`)), "ENOTDIR")
      assert.strictEqual(yield* code(files.makeDirectory(`${prompt}/file`)), "EEXIST")
    })
  )
})

describe("a name in a directory of a device that may keep somebody waiting", () => {
  it.effect("is never made in the caller's turn", () =>
    Effect.gen(function* () {
      const { elsewhere, files } = yield* ground()
      yield* files.makeDirectory(`${elsewhere}/session`)
      yield* files.open(`${elsewhere}/session/a`, "new")
      assert.isFalse(isNow(files.makeDirectory(`${elsewhere}/session/ust`)))
      assert.isFalse(isNow(files.open(`${elsewhere}/session/b`, "new")))
    })
  )

  it.effect("nor on a disk while others are written to", () =>
    Effect.gen(function* () {
      const { elsewhere, files } = yield* ground("disk")
      yield* files.makeDirectory(elsewhere)
      assert.isTrue(isNow(files.makeDirectory(`${elsewhere}/session`)))
      const { close } = yield* files.open("/proc/self/comm", "continue")
      assert.isFalse(isNow(files.makeDirectory(`${elsewhere}/another`)))
      yield* close
      assert.isTrue(isNow(files.makeDirectory(`${elsewhere}/third`)))
    })
  )

  it.effect("is known for one when it has taken another's place", () =>
    Effect.gen(function* () {
      const { elsewhere, files, prompt } = yield* ground()
      yield* files.makeDirectory(`${prompt}/session`)
      rmSync(`${prompt}/session`, { recursive: true })
      symlinkSync(elsewhere, `${prompt}/session`)
      writeFileSync(`${elsewhere}/a`, "")
      assert.isTrue(isNow(files.open(`${prompt}/session/a`, "continue")), "nobody knew")
      assert.isFalse(isNow(files.open(`${prompt}/session/a`, "continue")))
    })
  )
})

describe("what is known of directories", () => {
  const device = new Devices().add(1, "memory")

  it("is the way from the nearest that is known", () => {
    const directories = new KnownDirectories()
    assert.deepStrictEqual(directories.wayTo("/a/b/"), { device: undefined, unknown: ["/", "/a", "/a/b"] })
    directories.learn("/a", device)
    assert.deepStrictEqual(directories.wayTo("/a/b/c"), { device, unknown: ["/a/b", "/a/b/c"] })
    assert.deepStrictEqual(directories.wayTo("/a"), { device, unknown: [] })
    assert.strictEqual(directories.around("/a/file"), device)
    assert.isUndefined(directories.around("/a/b/file"))
  })

  it("is bounded: those that were of use last", () => {
    const directories = new KnownDirectories()
    directories.learn("/often", device)
    for (let count = 0; count < 40_000; count++) {
      directories.learn(`/${count}`, device)
      directories.wayTo("/often/more")
    }
    assert.isUndefined(directories.around("/0/file"))
    assert.strictEqual(directories.around("/39999/file"), device)
    assert.strictEqual(directories.around("/often/file"), device)
  })

  it("is the way to every directory of 2,000 sessions", () => {
    const directories = new KnownDirectories()
    const levels = ["", "/demo", "/demo/1", "/demo/1/ust", "/demo/1/ust/uid", "/demo/1/ust/uid/0", "/demo/1/index"]
    for (let host = 0; host < 2000; host++) for (const level of levels) directories.learn(`/web${host}${level}`, device)
    for (let host = 0; host < 2000; host++) {
      for (const level of levels) assert.deepStrictEqual(directories.wayTo(`/web${host}${level}`).unknown, [])
    }
  })
})
