/** One trace's directory as it is read: metadata, indexes, and the packets of its data files. */
import { TracePlan } from "../ctf/decode/Plan.ts"
import { uuidText } from "../ctf/metadata/Classes.ts"
import * as SystemError from "../errors/SystemError.ts"
import * as CtfIndex from "../protocol/CtfIndex.ts"
import * as Aside from "./Aside.ts"
import type * as DataFile from "./DataFile.ts"
import { type Finding, finding } from "./Finding.ts"
import type { Correction } from "./HeadCorrection.ts"
import * as HeadCorrection from "./HeadCorrection.ts"
import * as IndexFile from "./IndexFile.ts"
import * as MetadataFile from "./MetadataFile.ts"
import * as PacketScan from "./PacketScan.ts"
import { type DataSource, type Entry, join, type Tree } from "./Tree.ts"

export interface RecordedTrace {
  readonly path: string
  readonly metadata: MetadataFile.Metadata
  /** UUID of the trace that the metadata is of, where an LTTng tracer wrote it. */
  readonly uuid: string | undefined
  readonly files: ReadonlyArray<DataFile.DataFile>
  /** UUIDs of the traces that its packets say they are of. */
  readonly uuids: ReadonlySet<string>
  /** The metadata is of another trace than all of the packets: it says nothing of them. */
  readonly isMismatched: boolean
  /** About indexes that are not what they should be, and files that were set aside. */
  readonly findings: ReadonlyArray<Finding>
  /** About what the system did not let us read. */
  readonly unreadable: ReadonlyArray<Finding>
  readonly isDecoded: boolean
}

/** Answers undefined if the system refuses, and adds a finding that says so. */
export const attempting =
  (findings: Array<Finding>) =>
  <A>(path: string, act: () => A): A | undefined => {
    try {
      return act()
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
      findings.push(finding("damage", "unreadable", path, SystemError.reasonOf(cause)))
      return undefined
    }
  }

type Attempt = ReturnType<typeof attempting>

export const metadataName = "metadata"
const metadataAside = Aside.pathOf(metadataName)

const isFile = ({ kind }: Entry): boolean => kind === "file"
export const isMetadata = (name: string): boolean => name === metadataName || name === metadataAside
export const isData = (name: string): boolean => !isMetadata(name) && !name.startsWith(".")
/** Whether a repair that was killed has left it. */
const isDraft = (name: string): boolean => name.endsWith(".repair")

/** Finding about a directory that has a file's name. */
const inTheWay = (path: string, code: Finding["code"]): Finding =>
  finding("damage", code, path, "a directory", {
    changes: [{ kind: "rename", path, to: Aside.pathOf(path) }]
  })

const setAside = (path: string): Finding =>
  finding("note", "set-aside", path, "packets that an earlier repair found nobody can read")

const stray = (path: string): Finding =>
  finding("damage", "index-stray", path, "the data it is of is not here", { changes: [{ kind: "remove", path }] })

const nothing = (...findings: ReadonlyArray<Finding>): MetadataFile.Metadata => ({ traceClass: undefined, findings })

/** Undefined: the system does not let us read it. */
const readMetadata = (
  tree: Tree,
  path: string,
  entries: ReadonlyArray<Entry>,
  attempt: Attempt
): MetadataFile.Metadata | undefined => {
  const at = join(path, metadataName)
  const hasData = entries.some((entry) => isFile(entry) && isData(entry.name) && entry.byteCount > 0)
  const found = entries.find(({ name }) => name === metadataName)
  if (found?.kind === "file") {
    const bytes = attempt(at, () => tree.read(at))
    return bytes && MetadataFile.check(at, bytes, hasData)
  }
  if (found?.kind === "directory") return nothing(inTheWay(at, "metadata-refused"))
  if (entries.some(({ name }) => name === metadataAside)) {
    return nothing(finding("note", "set-aside", path, "an earlier repair found no metadata that can be read"))
  }
  if (!hasData) return nothing(finding("note", "metadata-missing", path, "no metadata, and no packets"))
  return nothing(finding("damage", "metadata-missing", path, "data, and nothing that says how to read it"))
}

interface Indexes {
  /** By name of the data file. */
  readonly files: ReadonlyMap<string, IndexFile.IndexFile>
  /** Names of the data files whose indexes may not be read. */
  readonly unreadable: ReadonlySet<string>
  readonly findings: ReadonlyArray<Finding>
}

const readIndexes = (tree: Tree, path: string, attempt: Attempt): Indexes => {
  const files = new Map<string, IndexFile.IndexFile>()
  const unreadable = new Set<string>()
  const findings: Array<Finding> = []
  for (const { kind, name } of attempt(path, () => tree.list(path)) ?? []) {
    if (!name.endsWith(CtfIndex.suffix)) continue
    if (kind === "directory") findings.push(inTheWay(join(path, name), "unreadable"))
    if (kind !== "file") continue
    const dataName = name.slice(0, -CtfIndex.suffix.length)
    const bytes = attempt(join(path, name), () => tree.read(join(path, name)))
    if (bytes === undefined) unreadable.add(dataName)
    else files.set(dataName, IndexFile.parse(bytes))
  }
  return { files, unreadable, findings }
}

/** What is known of a trace when its files are read. */
interface Known {
  readonly tree: Tree
  readonly path: string
  readonly plan: TracePlan | undefined
  readonly slackNanos: bigint | undefined
  readonly isTimed: boolean
  readonly uuid: string | undefined
  readonly isForeign: boolean
  readonly indexes: Indexes
  readonly minor: 0 | 1
  readonly readsEvents: PacketScan.EventReading
}

const readFile = (known: Known, { byteCount, name }: Entry): DataFile.DataFile => {
  const { indexes, isForeign, isTimed, minor, plan, readsEvents, slackNanos, tree, uuid } = known
  const path = join(known.path, name)
  const longBytes = known.path.endsWith("32-bit") ? 4 : 8
  const index = indexes.files.get(name)
  const offsets = (index?.records ?? []).map(({ offset }) => Number(offset)).sort((a, b) => a - b)
  const traits = { plan, slackNanos, isTimed, isForeign, longBytes } as const
  const options = { name: path, byteCount, ...traits, trace: uuid, offsets, readsEvents }
  const data = tree.data(path, byteCount)
  const { corrections, scan } = byIndex(data, PacketScan.scan(data, options), index, byteCount, uuid)
  const indexPath = CtfIndex.pathOf(path)
  const isIndexed = indexes.files.size > 0 && !indexes.unreadable.has(name)
  return { path, byteCount, scan, indexPath, index, isIndexed, minor, trace: uuid, corrections }
}

interface ByIndex {
  readonly scan: PacketScan.PacketScan
  readonly corrections: ReadonlyArray<Correction>
}

const isNonZero = (byte: number): boolean => byte !== 0

/** What the index tells of heads that say something else, and of a whole packet at the file's end that has no head. */
const byIndex = (
  data: DataSource,
  scan: PacketScan.PacketScan,
  index: IndexFile.IndexFile | undefined,
  byteCount: number,
  trace: string | undefined
): ByIndex => {
  const { minor, records = [] } = index ?? {}
  const byOffset = new Map(records.map((record) => [Number(record.offset), record]))
  const isOther = (packet: PacketScan.Packet) => {
    const record = byOffset.get(packet.offset)
    return record !== undefined && IndexFile.difference(record, packet, minor ?? 1) !== undefined
  }
  if (minor === undefined || trace === undefined || !(scan.holes.length > 0 || scan.packets.some(isOther))) {
    return { scan, corrections: [] }
  }
  const headAt = (offset: number) => (offset < byteCount ? PacketScan.headAt(data, offset).slice() : new Uint8Array(0))
  try {
    const faulty = new Set(scan.packets.filter(({ fault }) => fault?.isDamage === true).map(({ offset }) => offset))
    const indexed = { byteCount, trace, minor, records, headAt, faulty }
    const holes = scan.holes.map((hole) => {
      const record = byOffset.get(hole.from)
      const isWhole = record !== undefined && hole.from + Number(record.packetSize / 8n) <= byteCount
      // A crash may leave a file its length and the index, but zeros for bytes: they are worth nothing.
      return isWhole && headAt(hole.from).some(isNonZero) ? { ...hole, isUnreadable: true } : hole
    })
    return { scan: { ...scan, holes }, corrections: HeadCorrection.corrections(indexed) }
  } finally {
    data.release()
  }
}

const uuidsOf = (files: ReadonlyArray<DataFile.DataFile>): ReadonlySet<string> => {
  const found = new Set<string>()
  for (const { scan } of files) {
    for (const { trace } of scan.packets) if (trace !== undefined) found.add(trace)
    for (const { trace } of scan.holes) if (trace !== undefined) found.add(trace)
  }
  return found
}

const mismatched = (path: string, uuid: string | undefined, uuids: ReadonlySet<string>): MetadataFile.Metadata => {
  const detail = `it is of trace ${uuid}, the packets beside it of ${[...uuids].join(", ")}`
  const change = { kind: "rename", path, to: Aside.pathOf(path) } as const
  return nothing(finding("damage", "trace-mismatch", path, detail, { changes: [change] }))
}

/** Decides whose events are decoded, by the trace's metadata and its bytes of data. */
export type Reading = (metadata: MetadataFile.Metadata, byteCount: number) => PacketScan.EventReading

export const read = (tree: Tree, path: string, entries: ReadonlyArray<Entry>, reading: Reading): RecordedTrace => {
  const unreadable: Array<Finding> = []
  const attempt = attempting(unreadable)
  const found = readMetadata(tree, path, entries, attempt)
  const metadata = found ?? nothing()
  const { traceClass } = metadata
  // Metadata that this program refuses, or may not read, may say something to others.
  const isRefused = metadata.findings.some(({ changes, code }) => code === "metadata-refused" && changes.length === 0)
  const hasIndexes = entries.some(({ kind, name }) => kind === "directory" && name === CtfIndex.directory)
  const indexes = hasIndexes
    ? readIndexes(tree, join(path, CtfIndex.directory), attempt)
    : { files: new Map<string, IndexFile.IndexFile>(), unreadable: new Set<string>(), findings: [] }
  const slackNanos = traceClass === undefined ? undefined : PacketScan.slackOf(traceClass)
  const isTracers = slackNanos !== undefined && traceClass?.uuid !== undefined
  const uuid = isTracers ? uuidText(traceClass.uuid) : undefined
  const names = entries.filter(isFile).filter(({ name }) => isData(name))
  const sum = names.reduce((bytes, { byteCount }) => bytes + byteCount, 0)
  const readsEvents = reading(metadata, sum)
  const known: Known = {
    tree,
    path,
    plan: traceClass === undefined ? undefined : new TracePlan(traceClass),
    slackNanos,
    isTimed: traceClass !== undefined && PacketScan.isTimed(traceClass),
    uuid,
    isForeign: isRefused || found === undefined,
    indexes,
    minor: [...indexes.files.values()].find((index) => index.minor !== undefined)?.minor ?? 1,
    readsEvents
  }
  const files = names
    .filter(({ name }) => !isDraft(name))
    .flatMap((entry) => attempt(join(path, entry.name), () => readFile(known, entry)) ?? [])
  const uuids = uuidsOf(files)
  const isMismatched = uuid !== undefined && uuids.size > 0 && !uuids.has(uuid)
  const strays = [...indexes.files.keys()]
    // The index may be of a link to data on another disk, though links are not followed.
    .filter((name) => !entries.some((entry) => entry.name === name))
    .map((name) => stray(join(path, `${CtfIndex.directory}/${name}${CtfIndex.suffix}`)))
  const asides = entries
    .filter(({ name }) => Aside.is(name) && !isMetadata(name))
    .map(({ name }) => setAside(join(path, name)))
  return {
    path,
    metadata: isMismatched ? mismatched(join(path, metadataName), uuid, uuids) : metadata,
    uuid: isMismatched ? undefined : uuid,
    files,
    uuids,
    isMismatched,
    findings: [...indexes.findings, ...strays, ...asides],
    unreadable,
    isDecoded: readsEvents === "all"
  }
}
