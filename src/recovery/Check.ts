/**
 * Every trace below a directory, checked: walks a `Tree`, reads what is needed, leaves the judgement to pure modules.
 * Findings come in the order in which their changes are to be made: files first, then names, inner before outer.
 */
import { basename, dirname } from "node:path"
import { Cursor } from "../ctf/decode/Cursor.ts"
import type { Source } from "../ctf/decode/DataStream.ts"
import * as CtfIndex from "../protocol/CtfIndex.ts"
import * as CtfPacket from "../protocol/CtfPacket.ts"
import * as DataFile from "./DataFile.ts"
import { append, type Finding, finding } from "./Finding.ts"
import { directoriesOf, Meanwhile } from "./Meanwhile.ts"
import type { Metadata } from "./MetadataFile.ts"
import type { EventReading, Packet } from "./PacketScan.ts"
import * as RecordedTrace from "./RecordedTrace.ts"
import * as SessionLayout from "./SessionLayout.ts"
import { SessionPackets, type Suspicion } from "./SessionPackets.ts"
import * as SharedPackets from "./SharedPackets.ts"
import { SiblingMetadata } from "./SiblingMetadata.ts"
import * as StreamOrder from "./StreamOrder.ts"
import { type DataSource, type Entry, join, type Tree } from "./Tree.ts"

export interface Report {
  readonly findings: ReadonlyArray<Finding>
  readonly traceCount: number
  readonly fileCount: number
  readonly packetCount: number
  readonly byteCount: number
  /** Bytes of the files whose events were all decoded. */
  readonly decodedByteCount: number
}

/** Seconds since the epoch; undefined if no packet tells. */
interface Extent {
  begin: number | undefined
  end: number | undefined
}

export interface Options {
  /**
   * Whose events are decoded: those of `all` traces; of `small` ones; or of these and of those whose metadata is
   * `damaged`. Of the other traces only the last packet of each file is.
   */
  readonly readsEvents: "all" | "small" | "damaged"
}

/** Traces up to this are small, up to that many bytes of them together: a million events take a second. */
const smallBytesMax = 32 * 1024 * 1024
const smallSumBytesMax = 128 * 1024 * 1024

/** What is below a directory. */
interface Below extends Extent {
  hasFiles: boolean
  /** Directories, inner before outer. */
  readonly paths: Array<string>
}

/** Levels of directories that are walked: deeper than any trace. */
const depthMax = 24

const isOf =
  (kind: Entry["kind"]) =>
  (entry: Entry): boolean =>
    entry.kind === kind

class Walk {
  readonly findings: Array<Finding> = []
  traceCount = 0
  fileCount = 0
  packetCount = 0
  byteCount = 0
  decodedByteCount = 0
  readonly #tree: Tree
  readonly #meanwhile: Meanwhile
  readonly #options: Options
  readonly #metadata = new SiblingMetadata()
  readonly #packets = new SessionPackets()
  readonly #attempt = RecordedTrace.attempting(this.findings)
  /** Directories of files that are being written, and all above them. */
  readonly #busy: ReadonlySet<string>
  /** Directories that have changed while they were looked at. */
  readonly #changed = new Set<string>()

  constructor(tree: Tree, options: Options) {
    this.#meanwhile = new Meanwhile(tree)
    this.#tree = this.#meanwhile.tree
    this.#options = options
    this.#busy = directoriesOf(tree.written?.() ?? [])
  }

  directory(path: string, depth = 0): Below {
    const extent: Below = { begin: undefined, end: undefined, hasFiles: false, paths: [] }
    const entries = this.#attempt(path, () => this.#tree.list(path)) ?? []
    const isTrace = entries.some(({ kind, name }) => kind === "file" && RecordedTrace.isMetadata(name))
    const hasIndexes = entries.some(({ kind, name }) => kind === "directory" && name === CtfIndex.directory)
    if (isTrace || hasIndexes || this.#hasPackets(path, entries)) this.#trace(path, entries, extent)
    append(
      this.findings,
      entries.filter(isOf("link")).map(({ name }) => linked(join(path, name)))
    )
    if (depth === depthMax) return { ...extent, hasFiles: true }
    const below = entries
      .filter(isOf("directory"))
      .filter(({ name }) => !(isTrace || hasIndexes) || name !== CtfIndex.directory)
      .filter(({ name }) => !name.startsWith(".") || SessionLayout.isTemporary(name))
    const visited = below.map((entry) => ({ entry, extent: this.directory(join(path, entry.name), depth + 1) }))
    extent.hasFiles = entries.some((entry) => entry.kind !== "directory")
    if (hasIndexes) extent.paths.push(join(path, CtfIndex.directory))
    for (const each of visited) {
      widen(extent, each.extent)
      extent.hasFiles ||= each.extent.hasFiles
      append(extent.paths, each.extent.paths)
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
    append(this.findings, SessionLayout.check({ path, directories }))
  }

  #trace(path: string, entries: ReadonlyArray<Entry>, extent: Extent): void {
    this.traceCount++
    const isBusy = this.#busy.has(path)
    const trace = RecordedTrace.read(this.#tree, path, entries, (metadata, byteCount) =>
      this.#reading(metadata, byteCount, isBusy)
    )
    const { files, isDecoded, isMismatched, metadata, unreadable } = trace
    append(this.findings, unreadable)
    this.#count(files, isDecoded)
    this.#metadata.add(trace, !isBusy)
    // What is being written is not damaged, and must not be changed under the writer.
    if (isBusy) this.findings.push(beingWritten(path))
    // Metadata of another trace says nothing about the files.
    else if (isMismatched) append(this.findings, metadata.findings)
    else {
      this.#packets.add(trace)
      append(this.findings, metadata.findings)
      append(this.findings, trace.findings)
      append(this.findings, filesFindings(files, this.#isEqual))
    }
    for (const { scan } of files) for (const packet of scan.packets) include(extent, packet)
  }

  /** Before 2.4 there were no indexes: without its metadata nothing else says that this is a trace. */
  #hasPackets(path: string, entries: ReadonlyArray<Entry>): boolean {
    const cursor = new Cursor()
    return entries.filter(isOf("file")).some(({ byteCount, name }) => {
      if (byteCount < CtfPacket.headBytes || !RecordedTrace.isData(name)) return false
      const at = join(path, name)
      const data = this.#tree.data(at, byteCount)
      const isHead = this.#attempt(at, () => {
        data.from(0).load(cursor, 0, CtfPacket.headBytes)
        return CtfPacket.head(cursor.bytes) !== undefined
      })
      data.release()
      return isHead === true
    })
  }

  #reading({ findings }: Metadata, byteCount: number, isBusy: boolean): EventReading {
    const { readsEvents } = this.#options
    // Packets may need what the metadata has lost.
    const isInDoubt = readsEvents === "damaged" && findings.length > 0
    const isSmall = byteCount <= smallBytesMax && this.decodedByteCount + byteCount <= smallSumBytesMax
    return !isBusy && (readsEvents === "all" || isInDoubt || isSmall) ? "all" : "last"
  }

  #count(files: ReadonlyArray<DataFile.DataFile>, isDecoded: boolean): void {
    for (const { byteCount, scan } of files) {
      this.fileCount++
      this.packetCount += scan.packets.length
      this.byteCount += byteCount
      if (isDecoded) this.decodedByteCount += byteCount
    }
  }

  /** All findings: what several directories have to do with each other, too, once all of them were seen. */
  together(): ReadonlyArray<Finding> {
    const siblings = this.#metadata.resolve((path) => this.#attempt(path, () => this.#tree.read(path)))
    const renewed = new Set([...siblings.values()].flatMap(pathsOf).map(traceOf))
    const known = new Set(this.findings)
    const fresh = [...siblings].flatMap(([found, become]) => (known.has(found) ? [] : become))
    // What packets are is told by the metadata that the trace gets: they are looked at again when it has it.
    for (const [at, found] of this.findings.entries()) {
      this.findings[at] = siblings.get(found) ?? (renewed.has(traceOf(found.path)) ? { ...found, changes: [] } : found)
    }
    this.findings.unshift(...fresh)
    const { findings, suspicions } = this.#packets.look()
    const looked = suspicions.map((suspicion) => ({ traces: suspicion.traces, found: this.#shared(suspicion) }))
    const shared = looked.flatMap(({ found, traces }) => (this.#isChanged(traces) ? [] : found))
    this.#dropIndexes(shared)
    const changing = new Set(this.findings.flatMap(pathsOf))
    // A file changes once at a time; and before the directories around it get other names.
    const once = shared.map((each) => {
      const isFree = pathsOf(each).every((path) => !changing.has(path))
      for (const path of pathsOf(each)) changing.add(path)
      return isFree ? each : { ...each, changes: [] }
    })
    return this.#still([...once, ...this.findings, ...findings])
  }

  /** Leaves out what is said of directories that are not any more what was looked at. */
  #still(findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> {
    const still = findings.filter((each) => each.severity === "note" || !this.#isChanged([each.path, ...pathsOf(each)]))
    for (const { code, path } of still) if (code === "being-written") this.#changed.delete(path)
    return [...still, ...[...this.#changed].map(beingChanged)]
  }

  /** Whether any of them lies in a directory that has changed meanwhile. */
  #isChanged(paths: Iterable<string>): boolean {
    for (const path of paths) {
      const place = this.#meanwhile.at(path)
      if (place === undefined) continue
      this.#changed.add(place)
      return true
    }
    return false
  }

  /** Drops changes to indexes whose data files are to be removed. */
  #dropIndexes(shared: ReadonlyArray<Finding>): void {
    const removed = shared.flatMap(({ changes }) => changes.filter(({ kind }) => kind === "remove"))
    const gone = new Set(removed.map(({ path }) => CtfIndex.pathOf(path)))
    for (const [at, found] of this.findings.entries()) {
      if (found.changes.some(({ path }) => gone.has(path))) this.findings[at] = { ...found, changes: [] }
    }
  }

  #shared(suspicion: Suspicion): ReadonlyArray<Finding> {
    const traces = [...suspicion.traces].flatMap((path) => {
      const entries = this.#attempt(path, () => this.#tree.list(path)) ?? []
      return RecordedTrace.read(this.#tree, path, entries, () => "none")
    })
    return SharedPackets.check(suspicion, traces, this.#isEqual)
  }

  /** What cannot be read is equal to nothing. */
  readonly #isEqual: DataFile.IsEqual = (file, packet, other, same) => {
    const [a, b] = [file, other].map((each) => this.#tree.data(each.path, each.byteCount)) as [DataSource, DataSource]
    const { byteCount } = packet
    try {
      const act = () => isSameBytes(a.from(packet.offset), b.from(same.offset), byteCount)
      return this.#attempt(file.path, act) ?? false
    } finally {
      a.release()
      b.release()
    }
  }
}

const comparedBytes = 64 * 1024

const isSameBytes = (one: Source, other: Source, byteCount: number): boolean => {
  const [a, b] = [new Cursor(), new Cursor()]
  for (let at = 0; at < byteCount; at += comparedBytes) {
    const count = Math.min(comparedBytes, byteCount - at)
    one.load(a, at, count)
    other.load(b, at, count)
    if (Buffer.compare(a.bytes.subarray(0, count), b.bytes.subarray(0, count)) !== 0) return false
  }
  return true
}

/** Findings about each file by itself, and about the files of each stream together. */
const filesFindings = (all: ReadonlyArray<DataFile.DataFile>, isEqual: DataFile.IsEqual): ReadonlyArray<Finding> => {
  const copies = StreamOrder.copies(all, isEqual)
  const files = all.filter((file) => !copies.has(file))
  const found = files.flatMap(DataFile.check)
  const isDone = new Set(found.filter(({ changes }) => changes.length > 0).flatMap(pathsOf))
  // A file that changes anyway is looked at again afterwards.
  const ordered = StreamOrder.check(files, isEqual).map((each) =>
    each.changes.some((change) => isDone.has(change.path)) ? { ...each, changes: [] } : each
  )
  return [...copies.values(), ...found, ...ordered]
}

/** The directory of a trace, by the path of metadata, of a data file or of an index. */
const traceOf = (file: string): string => {
  const at = dirname(file)
  return basename(at) === CtfIndex.directory ? dirname(at) : at
}

const pathsOf = ({ changes }: Finding): ReadonlyArray<string> => changes.map(({ path }) => path)

const beingWritten = (path: string): Finding =>
  finding(
    "note",
    "being-written",
    path,
    "somebody has files open in it, or may record it: its packets are counted, and not judged"
  )

const linked = (path: string): Finding =>
  finding("note", "linked", path, "a link to another place: what is there is not looked at")

const beingChanged = (path: string): Finding =>
  finding("note", "being-written", path, "it changed while it was looked at: nothing can be told of it")

const secondNanos = 1_000_000_000n

const include = (extent: Extent, { beginNanos, endNanos }: Packet): void => {
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
  const findings = walk.together()
  const { byteCount, decodedByteCount, fileCount, packetCount, traceCount } = walk
  return { findings, traceCount, fileCount, packetCount, byteCount, decodedByteCount }
}

export const isDamaged = ({ findings }: Report): boolean => findings.some(({ severity }) => severity === "damage")
