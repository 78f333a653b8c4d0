/**
 * A directory tree as a value that two runs can be compared by: one line per entry with its name, mode, size and
 * content. Trees in memory have no modes.
 *
 * Small files show their bytes, so that a difference explains itself; larger ones a digest. Dates that lie within a day
 * of now come from a clock and are replaced by placeholders; any other date was chosen by the test and must match.
 */
import { createHash } from "node:crypto"
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { wallMillis } from "../Machine.ts"
import { pathOf, textOf } from "../protocol/Text.ts"
import type { MemoryFiles } from "../storage/MemoryFiles.ts"

const shownBytesMax = 400
const dayMillis = 24 * 3600 * 1000

const recent = (year: string, month: string, day: string, hour: string, minute: string, second: string) =>
  Math.abs(Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - wallMillis()) < dayMillis

const clockPattern = /(\d{4})(\d\d)(\d\d)(-|T)(\d\d)(\d\d)(\d\d)(\+0000)?/g

/** The text with dates of today replaced by `<datetime>` and `<chunk-time>`. */
export const withoutClock = (text: string): string =>
  text.replace(clockPattern, (found, year, month, day, separator, hour, minute, second) =>
    recent(year, month, day, hour, minute, second) ? (separator === "T" ? "<chunk-time>" : "<datetime>") : found
  )

const content = (bytes: Uint8Array): string =>
  bytes.length <= shownBytesMax
    ? Buffer.from(bytes).toString("hex")
    : `sha256:${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`

/** What is read of a tree. */
export interface Options {
  /** False leaves the bytes out: for traces whose content no second run repeats. */
  readonly contents?: boolean
}

/** A directory of the disk, one line per entry, sorted. */
export const read = (root: string, options: Options = {}): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const visit = (directory: string, prefix: string) => {
    for (const name of readdirSync(pathOf(directory), "buffer").map(textOf).sort()) {
      const path = join(directory, name)
      const stat = lstatSync(pathOf(path))
      const mode = (stat.mode & 0o7777).toString(8).padStart(4, "0")
      const shown = withoutClock(prefix + name)
      if (stat.isDirectory()) {
        lines.push(`${shown}/ ${mode}`)
        visit(path, `${prefix}${name}/`)
      } else if (stat.isSymbolicLink()) lines.push(`${shown} link`)
      else {
        lines.push(
          `${shown} ${mode} ${stat.size}${options.contents === false ? "" : ` ${content(readFileSync(pathOf(path)))}`}`
        )
      }
    }
  }
  visit(root, "")
  return lines.sort()
}

/** Every file below, by path relative to the root. */
export const files = (root: string): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()

/** Where a relay writes, as a script looks at it. Paths are relative to the output directory. */
export interface Place {
  /** Whether there is such a file or directory. */
  readonly exists: (path: string) => boolean
  /** Bytes of a file; undefined: there is none. */
  readonly size: (path: string) => number | undefined
  /** The bytes of a file; undefined: there is none. */
  readonly read: (path: string) => Uint8Array | undefined
  /** Writes a file. */
  readonly write: (path: string, text: string) => void
  /** Every file below. */
  readonly files: () => ReadonlyArray<string>
  /** All of it, as a value. */
  readonly tree: (options?: Options) => ReadonlyArray<string>
}

/** An output directory on a disk. */
export const onDisk = (root: string): Place => {
  const stat = (path: string) => statSync(join(root, path), { throwIfNoEntry: false })
  return {
    exists: (path) => stat(path) !== undefined,
    size: (path) => stat(path)?.size,
    read: (path) => (stat(path)?.isFile() === true ? readFileSync(join(root, path)) : undefined),
    write: (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    },
    files: () => files(root),
    tree: (options) => read(root, options)
  }
}

/** An output directory of files in memory. */
export const inMemory = (memory: MemoryFiles, root: string): Place => {
  const all = () =>
    memory
      .paths(root)
      .map((path) => path.slice(root.length + 1))
      .filter((path) => path !== "")
  const isDirectory = (path: string) => path.endsWith("/")
  return {
    exists: (path) => all().some((known) => known === path || known.startsWith(`${path}/`)),
    size: (path) => memory.read(join(root, path))?.length,
    read: (path) => memory.read(join(root, path)),
    write: (path, text) => memory.write(join(root, path), Buffer.from(text)),
    files: () => all().filter((path) => !isDirectory(path)),
    tree: (options = {}) =>
      all()
        .map((path) => {
          const bytes = memory.read(join(root, path))
          if (bytes === undefined) return withoutClock(path)
          return `${withoutClock(path)} ${bytes.length}${options.contents === false ? "" : ` ${content(bytes)}`}`
        })
        .sort()
  }
}
