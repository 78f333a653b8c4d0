/** Of files on a disk: a descriptor is given back whatever the system says of it. */
import fs, { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { Files } from "../../src/storage/Files.ts"
import { until } from "../support/turns.ts"

/** The system says nothing of open files, as of one on a server that has forgotten it. */
const withoutStats = Effect.acquireRelease(
  Effect.sync(() => {
    const { fstat, fstatSync } = fs
    const stale = Object.assign(new Error("stale"), { code: "ESTALE", errno: -116 })
    Object.assign(fs, {
      fstat: (_fd: number, done: (cause: Error) => void) => setImmediate(() => done(stale)),
      fstatSync: () => {
        throw stale
      }
    })
    syncBuiltinESMExports()
    return { fstat, fstatSync }
  }),
  (real) =>
    Effect.sync(() => {
      Object.assign(fs, real)
      syncBuiltinESMExports()
    })
)

/** Descriptors of this process that lead to a file below `directory`. */
const openBelow = (directory: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory)
    } catch {
      return false
    }
  }).length

for (const [where, parent] of [
  ["a disk", tmpdir()],
  ["memory", "/dev/shm"]
] as const) {
  it.live(`what is opened in ${where} and cannot be looked at is closed again`, () =>
    Effect.gen(function* () {
      const files = yield* Effect.provide(Files, DiskFiles.layer)
      const root = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(parent, "stale-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true }))
      )
      const first = yield* files.open(`${root}/first`, "new")
      yield* first.close
      yield* withoutStats
      assert.strictEqual((yield* Effect.flip(files.open(`${root}/first`, "continue"))).code, "ESTALE")
      assert.strictEqual((yield* Effect.flip(files.open(`${root}/first`, "read"))).code, "ESTALE")
      yield* until("nothing to be open", () => openBelow(root) === 0)
    }).pipe(Effect.scoped)
  )
}
