/** Directories as values: files by path, and empty directories. A repair changes them as it does a disk. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { inMemory } from "../../src/ctf/decode/DataStream.ts"
import type { Change } from "../../src/recovery/Finding.ts"
import { byName, type Entry, type Tree } from "../../src/recovery/Tree.ts"
import * as Trees from "../../src/testing/Tree.ts"

/** An empty directory's path ends with `/`. */
export type Files = Map<string, Uint8Array>

const below = (files: Files, path: string): ReadonlyArray<string> => {
  const prefix = path === "" ? "" : `${path}/`
  return [...files.keys()]
    .filter((name) => name.startsWith(prefix) && name !== prefix)
    .map((name) => name.slice(prefix.length))
}

export const tree = (files: Files): Tree => ({
  list: (path) => {
    const names = new Map<string, Entry>()
    const prefix = path === "" ? "" : `${path}/`
    for (const [whole, bytes] of files) {
      if (!whole.startsWith(prefix) || whole === prefix) continue
      const end = whole.indexOf("/", prefix.length)
      const name = whole.slice(prefix.length, end < 0 ? undefined : end)
      const entry = { name, changedAt: 0 }
      if (end < 0) names.set(name, { ...entry, kind: "file", byteCount: bytes.length })
      else if (!names.has(name)) names.set(name, { ...entry, kind: "directory", byteCount: 0 })
    }
    return [...names.values()].sort(byName)
  },
  read: (path) => bytesOf(files, path),
  data: (path) => ({ from: (offset) => inMemory(bytesOf(files, path).subarray(offset)), release: () => {} })
})

const bytesOf = (files: Files, path: string): Uint8Array => {
  const bytes = files.get(path)
  if (bytes === undefined) throw Object.assign(new Error(`no file ${path}`), { code: "ENOENT" })
  return bytes
}

const rename = (files: Files, from: string, to: string): void => {
  const moved = [...files].filter(([path]) => path === from || path.startsWith(`${from}/`))
  if (moved.length === 0) throw new Error(`nothing at ${from}`)
  if ([...files.keys()].some((path) => path === to || path.startsWith(`${to}/`))) throw new Error(`${to} is there`)
  for (const [path, bytes] of moved) {
    files.delete(path)
    files.set(to + path.slice(from.length), bytes)
  }
}

/** A directory stays when the last of what was in it has gone. */
const keepParent = (files: Files, path: string): void => {
  const parent = dirname(path)
  if (parent !== "." && below(files, parent).length === 0) files.set(`${parent}/`, Buffer.alloc(0))
}

export const apply =
  (files: Files) =>
  (change: Change): void => {
    const { path } = change
    switch (change.kind) {
      case "keep":
        files.set(
          path,
          Buffer.concat(change.ranges.map(({ from, to }) => (files.get(path) as Uint8Array).subarray(from, to)))
        )
        break
      case "aside": {
        const parts = change.ranges.map(({ from, to }) => (files.get(path) as Uint8Array).subarray(from, to))
        files.set(change.to, Buffer.concat([files.get(change.to) ?? Buffer.alloc(0), ...parts]))
        break
      }
      case "shorten":
      case "name-trace":
      case "set-time":
      case "set-member": {
        const bytes = Uint8Array.from(files.get(path) as Uint8Array)
        bytes.set(change.bytes, change.at)
        files.set(path, bytes)
        break
      }
      case "write":
        files.set(path, change.bytes)
        break
      case "rename":
        rename(files, path, change.to)
        keepParent(files, path)
        break
      case "remove":
        files.delete(path)
        keepParent(files, path)
        break
      case "remove-directory":
        if (below(files, path).length > 0) throw new Error(`${path} is not empty`)
        files.delete(`${path}/`)
        keepParent(files, path)
        break
    }
  }

export const write = (files: Files, root: string): void => {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(root, `${path}.`)), { recursive: true })
    if (!path.endsWith("/")) writeFileSync(join(root, path), bytes)
  }
}

export const read = (root: string): Files =>
  new Map(Trees.files(root).map((path) => [path, new Uint8Array(readFileSync(join(root, path)))]))

export const isEqual = (a: Files, b: Files): boolean =>
  a.size === b.size && [...a].every(([path, bytes]) => Buffer.compare(bytes, b.get(path) ?? Buffer.alloc(0)) === 0)

/** Where a data file's index is. */
export const indexOf = (path: string): string => path.replace(/([^/]+)$/, "index/$1.idx")

const archives = fileURLToPath(new URL("../ctf/traces", import.meta.url))

/** A trace that the reference has recorded. */
export const recorded = (name: string): Files => {
  const directory = mkdtempSync(join(tmpdir(), "lttng-relay-recovery-"))
  try {
    execFileSync("tar", ["xJf", join(archives, `${name}.tar.xz`), "-C", directory])
    return read(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
