/** Of files on a disk: what the system says of open files, and where it says nothing. */
import fs, { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { Files } from "../../src/storage/Files.ts"
import { logged } from "../support/logged.ts"
import { until } from "../support/turns.ts"

/** What the system says of open files while the scope lasts. */
const stat = (said: (real: () => fs.Stats) => fs.Stats) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { fstat, fstatSync } = fs
      const sync = (fd: number) => said(() => fstatSync(fd))
      const later = (fd: number, done: (cause: unknown, stats?: fs.Stats) => void) =>
        setImmediate(() => {
          try {
            done(null, sync(fd))
          } catch (cause) {
            done(cause)
          }
        })
      Object.assign(fs, { fstat: later, fstatSync: sync })
      syncBuiltinESMExports()
      return { fstat, fstatSync }
    }),
    (real) =>
      Effect.sync(() => {
        Object.assign(fs, real)
        syncBuiltinESMExports()
      })
  )

/** Nothing, as of one on a server that has forgotten it. */
const withoutStats = stat(() => {
  throw Object.assign(new Error("stale"), { code: "ESTALE", errno: -116 })
})

/** Descriptors of this process that lead to a file below `directory`. */
const openBelow = (directory: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory)
    } catch {
      return false
    }
  }).length

const temporary = (parent: string) =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(parent, "stale-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true }))
  )

it.live("where the system counts no names, nobody knows whether a file has one", () =>
  Effect.gen(function* () {
    const files = yield* Effect.provide(Files, DiskFiles.layer)
    const root = yield* temporary(tmpdir())
    const counted = yield* files.open(`${root}/counted`, "new")
    yield* stat((real) => Object.assign(real(), { nlink: 0 }))
    const other = yield* files.open(`${root}/other`, "new")
    assert.isDefined(counted.isRemoved)
    assert.isUndefined(other.isRemoved)
    yield* counted.close
    yield* other.close
  }).pipe(Effect.scoped)
)

/** Closing is refused after it is done, as by a share that finds out only then what it could not keep. */
const closingFails = Effect.acquireRelease(
  Effect.sync(() => {
    const { close } = fs
    const failing = (fd: number, done: (cause: Error) => void) =>
      close(fd, () => done(Object.assign(new Error("late"), { code: "EDQUOT", errno: -122 })))
    Object.assign(fs, { close: failing })
    syncBuiltinESMExports()
    return { close }
  }),
  (real) =>
    Effect.sync(() => {
      Object.assign(fs, real)
      syncBuiltinESMExports()
    })
)

it.live("what a file system tells only when a file is closed is logged, of files that are written", () => {
  const { codes, layer, lines } = logged()
  return Effect.gen(function* () {
    const files = yield* Effect.provide(Files, DiskFiles.layer)
    const root = yield* temporary(tmpdir())
    const written = yield* files.open(`${root}/written`, "new")
    const read = yield* files.open(`${root}/written`, "read")
    yield* closingFails
    yield* read.close
    yield* written.close
    assert.deepStrictEqual(codes, ["CLOSE_FAILED"])
    assert.include(lines[0], `close ${root}/written: EDQUOT`)
  }).pipe(Effect.scoped, Effect.provide(layer))
})

for (const [where, parent] of [
  ["a disk", tmpdir()],
  ["memory", "/dev/shm"]
] as const) {
  it.live(`what is opened in ${where} and cannot be looked at is closed again`, () =>
    Effect.gen(function* () {
      const files = yield* Effect.provide(Files, DiskFiles.layer)
      const root = yield* temporary(parent)
      const first = yield* files.open(`${root}/first`, "new")
      yield* first.close
      yield* withoutStats
      assert.strictEqual((yield* Effect.flip(files.open(`${root}/first`, "continue"))).code, "ESTALE")
      assert.strictEqual((yield* Effect.flip(files.open(`${root}/first`, "read"))).code, "ESTALE")
      yield* until("nothing to be open", () => openBelow(root) === 0)
    }).pipe(Effect.scoped)
  )
}
