/**
 * Every trace below a directory, checked: walks a `Tree`, reads what is needed, leaves the judgement to pure modules.
 * Findings come in the order in which their changes are to be made: files first, then names, inner before outer.
 */
import { TracePlan } from "../ctf/decode/Plan.ts"
import * as DataFile from "./DataFile.ts"
import { type Finding, finding } from "./Finding.ts"
import * as IndexFile from "./IndexFile.ts"
import * as MetadataFile from "./MetadataFile.ts"
import * as PacketScan from "./PacketScan.ts"
import * as SessionLayout from "./SessionLayout.ts"
import * as StreamOrder from "./StreamOrder.ts"
import { type Entry, join, type Tree } from "./Tree.ts"

export interface Report {
  readonly findings: ReadonlyArray<Finding>
  readonly traceCount: number
  readonly fileCount: number
  readonly packetCount: number
  readonly byteCount: number
  /** Of files whose events were decoded, all of them. */
  readonly decodedByteCount: number
}

/** Seconds since the epoch; undefined where there are no packets that tell. */
interface Extent {
  begin: number | undefined
  end: number | undefined
}

export interface Options {
  /**
   * Whose events are decoded: of `all` traces; of `small` ones; or of these and of those whose metadata is `damaged`. Of
   * the others the last packet of each file.
   */
  readonly readsEvents: "all" | "small" | "damaged"
}

/** Traces up to this are small, as long as they are not more together than that: a million events take a second. */
const smallBytesMax = 32 * 1024 * 1024
const smallSumBytesMax = 128 * 1024 * 1024

/** What is below a directory. */
interface Below extends Extent {
  hasFiles: boolean
  /** Directories, inner before outer. */
  readonly paths: Array<string>
}

const metadataName = "metadata"
/** Deeper than any trace. */
const depthMax = 24

const isOf =
  (kind: Entry["kind"]) =>
  (entry: Entry): boolean =>
    entry.kind === kind

const isLeftover = (name: string): boolean => name.endsWith(".repair")

class Walk {
  readonly findings: Array<Finding> = []
  traceCount = 0
  fileCount = 0
  packetCount = 0
  byteCount = 0
  decodedByteCount = 0
  readonly #tree: Tree
  readonly #options: Options
  /** Directories of files that are being written, and all above them. */
  readonly #busy = new Set<string>()

  constructor(tree: Tree, options: Options) {
    this.#tree = tree
    this.#options = options
    for (const path of tree.written ?? []) {
      const names = path.split("/").slice(0, -1)
      for (let count = names.length; count >= 0; count--) this.#busy.add(names.slice(0, count).join("/"))
    }
  }

  /** Undefined, and a finding, where the system does not let us. */
  #attempt<A>(path: string, act: () => A): A | undefined {
    try {
      return act()
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === undefined) throw cause
      this.findings.push(finding("damage", "unreadable", path, message))
      return undefined
    }
  }

  directory(path: string, depth = 0): Below {
    const extent: Below = { begin: undefined, end: undefined, hasFiles: false, paths: [] }
    const entries = this.#attempt(path, () => this.#tree.list(path)) ?? []
    const isTrace = entries.some(({ kind, name }) => kind === "file" && isMetadata(name))
    const hasIndexes = entries.some(({ kind, name }) => kind === "directory" && name === IndexFile.directory)
    if (isTrace || hasIndexes) this.#trace(path, entries, extent)
    if (depth === depthMax) return { ...extent, hasFiles: true }
    const below = entries
      .filter(isOf("directory"))
      .filter(({ name }) => !(isTrace || hasIndexes) || name !== IndexFile.directory)
      .filter(({ name }) => !name.startsWith(".") || SessionLayout.isTemporary(name))
    const visited = below.map((entry) => ({ entry, extent: this.directory(join(path, entry.name), depth + 1) }))
    extent.hasFiles = entries.some((entry) => entry.kind !== "directory")
    if (hasIndexes) extent.paths.push(join(path, IndexFile.directory))
    for (const each of visited) {
      widen(extent, each.extent)
      extent.hasFiles ||= each.extent.hasFiles
      extent.paths.push(...each.extent.paths)
    }
    extent.paths.push(path)
    const isSettled = !this.#busy.has(path)
    if (isSettled && SessionLayout.isSession(below.map(({ name }) => name))) this.#session(path, visited)
    return extent
  }

  #session(path: string, visited: ReadonlyArray<{ readonly entry: Entry; readonly extent: Below }>): void {
    const directories = visited.map(({ entry: { changedAt, name }, extent: { begin, end, hasFiles, paths } }) => {
      const inner = this.#attempt(join(path, name), () => this.#tree.list(join(path, name))) ?? []
      const directories = inner.filter(isOf("directory")).map((entry) => entry.name)
      return { name, directories, hasFiles, paths, begin: begin ?? changedAt, end: end ?? changedAt }
    })
    this.findings.push(...SessionLayout.check({ path, directories }))
  }

  #metadata(path: string, entries: ReadonlyArray<Entry>): MetadataFile.Metadata {
    const at = join(path, metadataName)
    if (entries.some(({ kind, name }) => kind === "file" && name === metadataName)) {
      const bytes = this.#attempt(at, () => this.#tree.read(at))
      const hasData = entries.some((entry) => entry.kind === "file" && isData(entry.name) && entry.byteCount > 0)
      return bytes === undefined ? { traceClass: undefined, findings: [] } : MetadataFile.check(at, bytes, hasData)
    }
    if (entries.some(({ kind, name }) => kind === "directory" && name === metadataName)) {
      return { traceClass: undefined, findings: [inTheWay(at, "metadata-refused")] }
    }
    const hasAside = entries.some(({ name }) => name === `${metadataName}${MetadataFile.asideSuffix}`)
    const found = hasAside
      ? finding("note", "set-aside", path, "an earlier repair found no metadata that can be read")
      : finding("damage", "metadata-missing", path, "data, and nothing that says how to read it")
    return { traceClass: undefined, findings: [found] }
  }

  #trace(path: string, entries: ReadonlyArray<Entry>, extent: Extent): void {
    this.traceCount++
    const metadata = this.#metadata(path, entries)
    // Metadata that is only refused says something to somebody.
    const isForeign = metadata.findings.some(({ changes, code }) => code === "metadata-refused" && changes.length === 0)
    const plan = metadata.traceClass === undefined ? undefined : new TracePlan(metadata.traceClass)
    const slackNanos = metadata.traceClass === undefined ? undefined : PacketScan.slackOf(metadata.traceClass)
    const hasIndexes = entries.some(({ kind, name }) => kind === "directory" && name === IndexFile.directory)
    const indexes = hasIndexes ? this.#indexes(join(path, IndexFile.directory)) : new Map<string, IndexFile.IndexFile>()
    const minor = [...indexes.values()].find((index) => index.minor !== undefined)?.minor ?? 1
    const names = entries.filter(isOf("file")).filter(({ name }) => isData(name))
    const filesOf = (readsEvents: PacketScan.EventReading) =>
      names
        .filter(({ name }) => !isLeftover(name))
        .flatMap((entry) => {
          const index = indexes.get(entry.name)
          const known = { plan, slackNanos, isForeign, index, minor, isIndexed: indexes.size > 0, readsEvents }
          const file = this.#attempt(join(path, entry.name), () => this.#file(path, entry, known))
          return file === undefined ? [] : [file]
        })
    const { readsEvents } = this.#options
    const isBusy = this.#busy.has(path)
    const sum = names.reduce((bytes, { byteCount }) => bytes + byteCount, 0)
    // Packets may need what the metadata has lost.
    const isInDoubt = readsEvents === "damaged" && metadata.findings.length > 0
    const isDecoded = !isBusy && (readsEvents === "all" || isInDoubt || this.#isSmall(sum))
    const files = filesOf(isDecoded ? "all" : "last")
    const found = files.flatMap(DataFile.check)
    this.#count(files, isDecoded)
    const isDone = new Set(found.filter(({ changes }) => changes.length > 0).flatMap(pathsOf))
    // A file that changes anyway is looked at again afterwards.
    const ordered = StreamOrder.check(files).map((each) =>
      each.changes.some((change) => isDone.has(change.path)) ? { ...each, changes: [] } : each
    )
    const strays = [...indexes.keys()]
      .filter((name) => !names.some((entry) => entry.name === name))
      .map((name) => stray(join(path, `${IndexFile.directory}/${name}${IndexFile.suffix}`)))
    const asides = entries.filter(({ name }) => isAside(name)).map(({ name }) => setAside(join(path, name)))
    const findings = [...metadata.findings, ...found, ...ordered, ...strays, ...asides]
    // Half done is not damaged; nothing is to be changed under who writes.
    this.findings.push(...(isBusy ? [beingWritten(path)] : findings))
    for (const { scan } of files) for (const packet of scan.packets) include(extent, packet)
  }

  #isSmall(byteCount: number): boolean {
    return byteCount <= smallBytesMax && this.decodedByteCount + byteCount <= smallSumBytesMax
  }

  #count(files: ReadonlyArray<DataFile.DataFile>, isDecoded: boolean): void {
    for (const { byteCount, scan } of files) {
      this.fileCount++
      this.packetCount += scan.packets.length
      this.byteCount += byteCount
      if (isDecoded) this.decodedByteCount += byteCount
    }
  }

  /** By name of the data file. */
  #indexes(path: string): ReadonlyMap<string, IndexFile.IndexFile> {
    const indexes = new Map<string, IndexFile.IndexFile>()
    for (const { kind, name } of this.#attempt(path, () => this.#tree.list(path)) ?? []) {
      if (kind === "directory" && name.endsWith(IndexFile.suffix)) {
        this.findings.push(inTheWay(join(path, name), "unreadable"))
      }
      if (kind !== "file" || !name.endsWith(IndexFile.suffix)) continue
      const bytes = this.#attempt(join(path, name), () => this.#tree.read(join(path, name)))
      if (bytes !== undefined) indexes.set(name.slice(0, -IndexFile.suffix.length), IndexFile.parse(bytes))
    }
    return indexes
  }

  #file(
    directory: string,
    { byteCount, name }: Entry,
    known: {
      readonly plan: TracePlan | undefined
      readonly slackNanos: bigint | undefined
      readonly isForeign: boolean
      readonly index: IndexFile.IndexFile | undefined
      readonly minor: 0 | 1
      readonly isIndexed: boolean
      readonly readsEvents: PacketScan.EventReading
    }
  ): DataFile.DataFile {
    const path = join(directory, name)
    const longBytes = directory.endsWith("32-bit") ? 4 : 8
    const offsets = (known.index?.records ?? []).map(({ offset }) => Number(offset)).sort((a, b) => a - b)
    const { isForeign, plan, readsEvents, slackNanos } = known
    const options = { name: path, byteCount, plan, slackNanos, isForeign, longBytes, offsets, readsEvents } as const
    const scan = PacketScan.scan(this.#tree.data(path, byteCount), options)
    const indexPath = join(directory, `${IndexFile.directory}/${name}${IndexFile.suffix}`)
    return { path, byteCount, scan, indexPath, index: known.index, isIndexed: known.isIndexed, minor: known.minor }
  }
}

const isMetadata = (name: string): boolean =>
  name === metadataName || name === `${metadataName}${MetadataFile.asideSuffix}`

const isData = (name: string): boolean => !isMetadata(name) && !name.startsWith(".")

const isAside = (name: string): boolean => name.startsWith(".") && name.endsWith(".unreadable")

/** A directory that has a file's name. */
const inTheWay = (path: string, code: Finding["code"]): Finding =>
  finding("damage", code, path, "a directory", {
    changes: [{ kind: "rename", path, to: `${path}${MetadataFile.asideSuffix}` }]
  })

const setAside = (path: string): Finding =>
  finding("note", "set-aside", path, "packets that an earlier repair found nobody can read")

const pathsOf = ({ changes }: Finding): ReadonlyArray<string> => changes.map(({ path }) => path)

const stray = (path: string): Finding =>
  finding("damage", "index-stray", path, "the data it is of is not here", { changes: [{ kind: "remove", path }] })

const beingWritten = (path: string): Finding =>
  finding("note", "being-written", path, "somebody has files open in it: its packets are counted, and not judged")

const secondNanos = 1_000_000_000n

const include = (extent: Extent, { beginNanos, endNanos }: PacketScan.Packet): void => {
  const seconds = (nanos: bigint | undefined) => (nanos === undefined ? undefined : Number(nanos / secondNanos))
  widen(extent, { begin: seconds(beginNanos), end: seconds(endNanos) })
}

const widen = (extent: Extent, { begin, end }: Extent): void => {
  if (begin !== undefined) extent.begin = Math.min(extent.begin ?? begin, begin)
  if (end !== undefined) extent.end = Math.max(extent.end ?? end, end)
}

/** Throws what the system says of `tree`'s root; what is wrong below is a finding. */
export const check = (tree: Tree, options: Options = { readsEvents: "small" }): Report => {
  tree.list("")
  const walk = new Walk(tree, options)
  walk.directory("")
  const { byteCount, decodedByteCount, fileCount, findings, packetCount, traceCount } = walk
  return { findings, traceCount, fileCount, packetCount, byteCount, decodedByteCount }
}

export const isDamaged = ({ findings }: Report): boolean => findings.some(({ severity }) => severity === "damage")
