/** Finds traces below a directory: each that has a file `metadata` is one; its other files are data streams (§9). */
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import * as SystemError from "../../errors/SystemError.ts"
import { bytesOf, pathOf, textOf } from "../../protocol/Text.ts"
import { identityOf, type Listed, listed, statOf } from "./Moved.ts"
import { RecordingRefused } from "./RecordingRefused.ts"

export interface DataFile extends Listed {
  readonly name: string
}

export interface TraceDirectory {
  readonly path: string
  /** Path relative to the directory that was asked for; empty if it is that directory. */
  readonly below: string
  /** One object for all directories where it is the same. */
  readonly metadata: Uint8Array
  readonly metadataFile: Listed
  /** The data files, in the order of their names' bytes. */
  readonly files: ReadonlyArray<DataFile>
}

/** More metadata is refused. That of a kernel with all events has some megabytes. */
const metadataBytesMax = 128 * 1024 * 1024

/** Throws `RecordingRefused`, with the reason in words. */
const reading = <A>(path: string, read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT"
    throw new RecordingRefused(path, SystemError.reasonOf(cause), isMissing)
  }
}

const byBytes = (a: string, b: string): number => Buffer.compare(bytesOf(a), bytesOf(b))

/** An entry of a directory. Its name may be any bytes, see `protocol/Text`. */
interface Entry {
  readonly name: string
  readonly isDirectory: boolean
  readonly isLink: boolean
}

const entriesOf = (path: string): ReadonlyArray<Entry> =>
  reading(path, () => readdirSync(pathOf(path), { withFileTypes: true, encoding: "buffer" })).map((entry) => ({
    name: textOf(entry.name),
    isDirectory: entry.isDirectory(),
    isLink: entry.isSymbolicLink()
  }))

interface Metadata {
  readonly bytes: Uint8Array
  /** As it was before it was read. */
  readonly file: Listed
}

const metadataOf = (path: string, last: LastRead): Metadata =>
  reading(path, () => {
    const stat = statSync(pathOf(path), { throwIfNoEntry: false })
    if (stat === undefined) {
      lstatSync(pathOf(path))
      throw new Error("a link that leads nowhere")
    }
    // Reading a FIFO would wait for somebody to write to it.
    if (!stat.isFile()) throw new Error("no regular file")
    const { size } = stat
    const mebibytes = Math.ceil(size / 2 ** 20)
    if (size > metadataBytesMax)
      throw new Error(`metadata of ${mebibytes} MiB: more than ${metadataBytesMax / 2 ** 20}`)
    return { bytes: once(readFileSync(pathOf(path)), last), file: listed(path, stat) }
  })

/** By their size, the bytes that were read last: chunks of one trace have the same, which are kept once. */
type LastRead = Map<number, Uint8Array>

const once = (bytes: Uint8Array, last: LastRead): Uint8Array => {
  const same = last.get(bytes.length)
  if (same !== undefined && Buffer.compare(same, bytes) === 0) return same
  last.set(bytes.length, bytes)
  return bytes
}

const isVisible = ({ name }: Entry): boolean => !name.startsWith(".")

const dataFiles = (path: string, entries: ReadonlyArray<Entry>): ReadonlyArray<DataFile> =>
  entries
    .filter((entry) => isVisible(entry) && entry.name !== "metadata")
    .map(({ name }) => ({ name, path: join(path, name) }))
    .flatMap((file) => {
      const stat = statOf(file.path)
      if (stat === undefined || !stat.isFile() || stat.size === 0) return []
      return [{ name: file.name, ...listed(file.path, stat) }]
    })
    .sort((a, b) => byBytes(a.name, b.name))

/** The directories around the one that is searched: links back to one of them are not followed. */
type Around = ReadonlySet<string>

const isWayOn = (path: string, { isDirectory, isLink }: Entry, around: Around): boolean => {
  if (!isLink) return isDirectory
  const stat = statOf(path)
  return stat?.isDirectory() === true && !around.has(identityOf(stat))
}

export interface Found {
  readonly traces: Array<TraceDirectory>
  /** What cannot be read, but may be a trace, or a directory with traces. */
  readonly refusals: Array<RecordingRefused>
}

/** Undefined if `read` was refused; the refusal is noted. */
const attempt = <A>({ refusals }: Found, read: () => A): A | undefined => {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof RecordingRefused)) throw cause
    refusals.push(cause)
    return undefined
  }
}

const search = (root: string, path: string, found: Found, outer: Around, last: LastRead): void => {
  const entries = attempt(found, () => entriesOf(path)) ?? []
  if (entries.some((entry) => entry.name === "metadata" && !entry.isDirectory)) {
    // Metadata after the sizes of files: while the trace is written, it declares all that the files had by then.
    const files = dataFiles(path, entries)
    const metadata = attempt(found, () => metadataOf(join(path, "metadata"), last))
    if (metadata === undefined) return
    const { bytes, file } = metadata
    found.traces.push({ path, below: relative(root, path), metadata: bytes, metadataFile: file, files })
    return
  }
  const own = statOf(path)
  const around = new Set(own === undefined ? outer : [...outer, identityOf(own)])
  const below = entries.filter((entry) => isWayOn(join(path, entry.name), entry, around)).map(({ name }) => name)
  for (const name of below.sort(byBytes)) search(root, join(path, name), found, around, last)
}

/** A directory that is renamed during the search may be missed: then all is searched again. */
const attempts = 3

/** The traces below a directory, in the order of their paths' bytes. Never throws. */
export const find = (path: string): Readonly<Found> => {
  const found: Found = { traces: [], refusals: [] }
  if (path === "") return { ...found, refusals: [new RecordingRefused('""', SystemError.notDirectory)] }
  const root = resolve(path)
  const hasMoved = () => found.refusals.some((refusal) => refusal.isMissing && refusal.path !== root)
  for (let attempt = 0; attempt === 0 || (attempt < attempts && hasMoved()); attempt++) {
    found.traces.length = 0
    found.refusals.length = 0
    search(root, root, found, new Set(), new Map())
  }
  found.traces.sort((a, b) => byBytes(a.path, b.path))
  return found
}
