/** A directory of the machine as a `Tree`, and the changes of a repair carried out on it. */
import * as fs from "node:fs"
import { dirname, join } from "node:path"
import { FileWindow } from "../ctf/recorded/FileWindow.ts"
import { harmless } from "../errors/Harmless.ts"
import * as SystemError from "../errors/SystemError.ts"
import { pathOf, textOf } from "../protocol/Text.ts"
import * as Directory from "../storage/Directory.ts"
import { isWithin } from "../storage/Within.ts"
import type { Change, InHead } from "./Finding.ts"
import { attempt, realOf, writtenBelow } from "./OpenFiles.ts"
import { maybeWrittenBelow } from "./Recorders.ts"
import * as Resumed from "./Resumed.ts"
import { byName, type Entry, type Tree } from "./Tree.ts"

/** Bytes that are read at a time: a packet's head, and some of what follows. */
const windowBytes = 4096
const copyBytes = 1024 * 1024
/** Suffix of a draft beside the file that it is to replace. One is left behind only by a repair that was killed. */
const draftSuffix = ".repair"

/** `places`: the tree's own, without links. */
const leadsOut = (path: string, places: ReadonlySet<string>): boolean =>
  attempt(() => {
    const found = fs.statSync(pathOf(path))
    return (found.isFile() || found.isDirectory()) && !isWithin(realOf(path), places)
  }) === true

const kindOf = (stat: fs.Stats, path: string, places: ReadonlySet<string>): Entry["kind"] => {
  if (stat.isFile()) return "file"
  if (stat.isDirectory()) return "directory"
  return stat.isSymbolicLink() && leadsOut(path, places) ? "link" : "other"
}

/** The entry of that name; none if it has gone meanwhile. */
const entryOf = (places: ReadonlySet<string>, directory: string, name: string): ReadonlyArray<Entry> => {
  const path = join(directory, name)
  const stat = fs.lstatSync(pathOf(path), { throwIfNoEntry: false })
  if (stat === undefined) return []
  const kind = kindOf(stat, path, places)
  return [{ name, kind, byteCount: stat.size, changedAt: Math.floor(stat.mtimeMs / 1000) }]
}

/** Metadata and indexes are read whole; a file of a size that neither has is somebody's trap. */
const readBytesMax = 512 * 1024 * 1024

const readWhole = (path: string): Uint8Array => {
  const { size } = fs.statSync(pathOf(path))
  if (size > readBytesMax) throw Object.assign(new Error(`larger than ${readBytesMax} bytes`), { code: "EFBIG" })
  return fs.readFileSync(pathOf(path))
}

/** The path without symbolic links. Throws, in words, why it is no directory. */
export const rootOf = (path: string): string => {
  try {
    if (fs.statSync(pathOf(path)).isDirectory()) return realOf(path)
  } catch (cause) {
    throw new Error(`${harmless(path)}: ${SystemError.reasonOf(cause)}`)
  }
  throw new Error(`${harmless(path)}: ${SystemError.notDirectory}`)
}

/** None if the root has gone. */
const written = (root: string, isInPlace: boolean): ReadonlySet<string> =>
  new Set([...(attempt(() => writtenBelow(root)) ?? []), ...(isInPlace ? maybeWrittenBelow(root) : [])])

/** Throws what keeps `root` from being read. `isInPlace`: files that a relay may record count as written, too. */
export const make = (root: string, isInPlace = false): Tree => {
  const place = rootOf(root)
  return { ...treeOf(root, new Set([place])), written: () => written(place, isInPlace) }
}

const treeOf = (root: string, places: ReadonlySet<string>): Tree => ({
  list: (path) => {
    const directory = join(root, path)
    return fs
      .readdirSync(pathOf(directory), "buffer")
      .flatMap((name) => entryOf(places, directory, textOf(name)))
      .sort(byName)
  },
  read: (path) => readWhole(join(root, path)),
  data: (path, byteCount) => {
    const window = new FileWindow({ path: join(root, path), byteCount }, { windowBytes, isKept: false, isHeld: true })
    return { from: (offset) => window.from(offset), release: () => window.release() }
  }
})

const syncDirectory = (path: string): void => {
  const descriptor = fs.openSync(pathOf(path), "r")
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Writes all: a disk that is nearly full takes a part without an error. `at`: null for the descriptor's position. */
const writeAll = (descriptor: number, bytes: Uint8Array, at: number | null): void => {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(descriptor, bytes, done, bytes.length - done, at === null ? null : at + done)
  }
}

/** The new file is whole before it has the old one's name: a repair that is killed leaves the one or the other. */
const replace = (path: string, fill: (descriptor: number) => void): void => {
  const mode = fs.statSync(pathOf(path), { throwIfNoEntry: false })?.mode ?? 0o660
  const draft = `${path}${draftSuffix}`
  // Whoever may write to the directory may have put a link there, or a FIFO: "x" opens neither.
  fs.rmSync(pathOf(draft), { force: true })
  const descriptor = fs.openSync(pathOf(draft), "wx", mode & 0o777)
  try {
    fill(descriptor)
    fs.fsyncSync(descriptor)
  } catch (cause) {
    fs.rmSync(pathOf(draft), { force: true })
    throw cause
  } finally {
    fs.closeSync(descriptor)
  }
  fs.renameSync(pathOf(draft), pathOf(path))
}

/** Changes the file itself, and syncs it. */
const inPlace = (path: string, act: (descriptor: number) => void): void => {
  const descriptor = fs.openSync(pathOf(path), "r+")
  try {
    act(descriptor)
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

const copyRange = (from: number, to: number, first: number, end: number): void => {
  const block = Buffer.allocUnsafe(Math.min(copyBytes, end - first))
  for (let at = first; at < end; ) {
    const count = fs.readSync(from, block, 0, Math.min(block.length, end - at), at)
    if (count === 0) return
    writeAll(to, block.subarray(0, count), null)
    at += count
  }
}

const keep = (path: string, { ranges }: Extract<Change, { kind: "keep" }>): void => {
  const [first] = ranges
  if (first === undefined || (ranges.length === 1 && first.from === 0)) {
    inPlace(path, (descriptor) => fs.ftruncateSync(descriptor, first?.to ?? 0))
    return
  }
  const source = fs.openSync(pathOf(path), "r")
  try {
    replace(path, (draft) => {
      for (const { from, to } of ranges) copyRange(source, draft, from, to)
    })
  } finally {
    fs.closeSync(source)
  }
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = fs.constants

/** Opens what is set aside, to add to it. A link in its place would lead anywhere, so it is refused. */
const openAside = (path: string, mode: number): number => {
  const descriptor = fs.openSync(pathOf(path), O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_RDWR, mode)
  if (fs.fstatSync(descriptor).isFile()) return descriptor
  fs.closeSync(descriptor)
  throw new Error(`${path} is no regular file`)
}

const aside = (path: string, to: string, { ranges }: Extract<Change, { kind: "aside" }>): void => {
  const source = fs.openSync(pathOf(path), "r")
  const target = openAside(to, fs.fstatSync(source).mode & 0o777)
  const { size } = fs.fstatSync(target)
  try {
    const left = Resumed.after(ranges, Resumed.countOf(source, ranges, target, size))
    for (const { from, to: end } of left) copyRange(source, target, from, end)
    fs.fsyncSync(target)
  } catch (cause) {
    // The next repair does all of it again.
    fs.ftruncateSync(target, size)
    throw cause
  } finally {
    fs.closeSync(target)
    fs.closeSync(source)
  }
}

const overwrite = (path: string, { at, bytes }: Extract<Change, InHead>): void =>
  inPlace(path, (descriptor) => writeAll(descriptor, bytes, at))

const rename = (path: string, to: string): void => {
  Directory.makeNow(dirname(to), 0o770)
  if (fs.existsSync(pathOf(to))) throw new Error(`${to} is there already`)
  fs.renameSync(pathOf(path), pathOf(to))
  syncDirectory(dirname(to))
}

/** Carries out a change, which outlives a power cut once this returns. Throws what the system says. */
export const apply = (root: string, change: Change): void => {
  const path = join(root, change.path)
  switch (change.kind) {
    case "keep":
      keep(path, change)
      break
    case "aside":
      aside(path, join(root, change.to), change)
      break
    case "shorten":
    case "name-trace":
    case "set-time":
    case "set-member":
      overwrite(path, change)
      break
    case "write":
      Directory.makeNow(dirname(path), 0o770)
      replace(path, (draft) => {
        writeAll(draft, change.bytes, 0)
      })
      break
    case "rename":
      rename(path, join(root, change.to))
      break
    case "remove":
      fs.unlinkSync(pathOf(path))
      break
    case "remove-directory":
      fs.rmdirSync(pathOf(path))
      break
  }
  syncDirectory(dirname(path))
}
