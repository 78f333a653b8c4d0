/** What an earlier relay left of journals that are over, on a disk. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { findOver } from "../../src/relay/journal/JournalsLeft.ts"
import * as DiskFiles from "../../src/storage/DiskFiles.ts"
import { TraceStore } from "../../src/storage/TraceStore.ts"

it.live("the next relay knows which was over first, whatever their names", () =>
  Effect.gen(function* () {
    const output = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "over-"))),
      (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
    )
    mkdirSync(join(output, ".journals"))
    const suffixes = ["finished", "ended", "expired"] as const
    for (const suffix of suffixes) {
      for (const [seconds, token] of ["c", "a", "d", "b"].entries()) {
        const path = join(output, ".journals", `${token}.${suffix}`)
        writeFileSync(path, `owner of ${token}`)
        utimesSync(path, 1_000_000 + seconds, 1_000_000 + seconds)
      }
    }
    const options = { output, syncsNames: false, openFileCountMax: 10, deviceOperationCountMax: 4 }
    const layer = Layer.provide(TraceStore.layerNoDeps(options), DiskFiles.layer)
    const over = yield* Effect.provide(Effect.flatMap(TraceStore, findOver), layer)
    for (const suffix of suffixes) {
      assert.deepStrictEqual(
        over[suffix],
        ["c", "a", "d", "b"].map((token) => ({ token, owner: `owner of ${token}` }))
      )
    }
  })
)
