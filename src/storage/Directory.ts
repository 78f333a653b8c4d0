/**
 * Makes a directory with its parents, level by level: the runtime's recursive form says ENOENT where a file system is
 * read-only, and never returns where one refuses with ENOENT, as /proc does.
 */
import { mkdirSync, statSync } from "node:fs"
import { mkdir, stat } from "node:fs/promises"
import { dirname } from "node:path"
import * as SystemError from "../errors/SystemError.ts"
import { pathOf } from "../protocol/Text.ts"

const failed = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? ""

const makeOne = async (path: string, mode: number): Promise<void> => {
  try {
    await mkdir(pathOf(path), { mode })
  } catch (cause) {
    // What is there already may be on a file system that refuses for another reason first: EROFS, EACCES.
    const isThere =
      failed(cause) !== "ENOENT" &&
      (await stat(pathOf(path)).then(
        (stats) => stats.isDirectory(),
        () => false
      ))
    if (!isThere) throw cause
  }
}

/** Rejects with what the system says of the first level that cannot be made. */
export const make = async (path: string, mode = 0o777): Promise<void> => {
  try {
    await makeOne(path, mode)
  } catch (cause) {
    const parent = dirname(path)
    if (failed(cause) !== "ENOENT" || parent === path) throw cause
    await make(parent, mode)
    await makeOne(path, mode)
  }
}

const isDirectory = (path: string): boolean => {
  try {
    return statSync(pathOf(path)).isDirectory()
  } catch {
    return false
  }
}

const makeOneNow = (path: string, mode: number): void => {
  try {
    mkdirSync(pathOf(path), { mode })
  } catch (cause) {
    if (failed(cause) === "ENOENT" || !isDirectory(path)) throw cause
  }
}

/** As `make`, in this call. */
export const makeNow = (path: string, mode = 0o777): void => {
  try {
    makeOneNow(path, mode)
  } catch (cause) {
    const parent = dirname(path)
    if (failed(cause) !== "ENOENT" || parent === path) throw cause
    makeNow(parent, mode)
    makeOneNow(path, mode)
  }
}

/** Why `path` cannot be made: of what is in the way the system says only that it exists. */
export const reasonOf = (path: string, cause: unknown): string => {
  if (failed(cause) !== "EEXIST") return SystemError.reasonOf(cause)
  const found = statSync(pathOf(path), { throwIfNoEntry: false })
  const what = found === undefined ? "a link that leads nowhere" : found.isFile() ? "a file" : "no directory"
  return `this is ${what}: name another directory, or move it away`
}
