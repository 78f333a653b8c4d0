/** Trees of files, gone through. */
import * as path from "node:path"
import { Effect, Result } from "effect"
import type { FileFailed, Files } from "./Files.ts"

/** Deeper than any trace; a circle of links ends here. */
const depthMax = 16

/** None where there is no directory, or one that nobody may see. */
export const entriesOf = (files: Files["Service"], at: string) =>
  Effect.catchIf(
    files.list(at),
    ({ code }) => code === "ENOENT" || code === "EACCES",
    () => Effect.succeed([])
  )

/** Only what says that it is not there is believed. */
export const isThere = (files: Files["Service"], directory: string): Effect.Effect<boolean> =>
  Effect.match(files.list(directory), { onSuccess: () => true, onFailure: ({ code }) => code !== "ENOENT" })

/** Links are followed. */
export const isOrHoldsFile = (files: Files["Service"], at: string, depth = 0): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const entries = yield* Effect.result(files.list(at))
    // A link that leads nowhere holds nothing.
    if (Result.isFailure(entries)) return entries.failure.code === "ENOTDIR"
    if (depth === depthMax) return false
    for (const { name } of entries.success) {
      if (yield* isOrHoldsFile(files, path.join(at, name), depth + 1)) return true
    }
    return false
  })

/** What goes away meanwhile counts nothing. Links count as what they are, so no circle is walked. */
export const byteCountOf = (files: Files["Service"], at: string): Effect.Effect<number, FileFailed> =>
  Effect.gen(function* () {
    let sum = 0
    for (const { isDirectory, name } of yield* files.list(at)) {
      const entry = path.join(at, name)
      sum += yield* Effect.orElseSucceed(isDirectory ? byteCountOf(files, entry) : files.size(entry), () => 0)
    }
    return sum
  })
