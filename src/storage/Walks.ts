/** Walks through trees of files. */
import * as path from "node:path"
import { Effect, Result } from "effect"
import type { FileFailed, Files } from "./Files.ts"

/** Deeper than any trace; a circle of links ends here. */
const depthMax = 16

/** The entries of a directory; none if it does not exist or may not be read. */
export const entriesOf = (files: Files["Service"], at: string) =>
  Effect.catchIf(
    files.list(at),
    ({ code }) => code === "ENOENT" || code === "EACCES",
    () => Effect.succeed([])
  )

/** Whether the directory exists: only ENOENT says that it does not. */
export const isThere = (files: Files["Service"], directory: string): Effect.Effect<boolean> =>
  Effect.match(files.list(directory), { onSuccess: () => true, onFailure: ({ code }) => code !== "ENOENT" })

/** Whether `at` is a file or has one in it, however deep; links are followed. */
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

/** Bytes of all files below `at`; 0 for what goes away meanwhile. Links are not followed, so no circle is walked. */
export const byteCountOf = (files: Files["Service"], at: string): Effect.Effect<number, FileFailed> =>
  Effect.gen(function* () {
    let sum = 0
    for (const { isDirectory, name } of yield* files.list(at)) {
      const entry = path.join(at, name)
      sum += yield* Effect.orElseSucceed(isDirectory ? byteCountOf(files, entry) : files.size(entry), () => 0)
    }
    return sum
  })

/** Removes directories, `at` and those below it, as far as there is no file in them. */
export const removeEmptyTree = (files: Files["Service"], at: string): Effect.Effect<void> =>
  Effect.ignore(
    Effect.gen(function* () {
      for (const { isDirectory, name } of yield* files.list(at)) {
        if (isDirectory) yield* removeEmptyTree(files, path.join(at, name))
      }
      yield* files.removeDirectory(at)
    })
  )
