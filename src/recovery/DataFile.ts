/** One data file against its index: what is wrong with the two, and what puts it right. Pure. */
import { uuidBytes } from "../ctf/metadata/Classes.ts"
import type { IndexRecord } from "../protocol/CtfIndex.ts"
import * as Aside from "./Aside.ts"
import type { Code, Finding, Range } from "./Finding.ts"
import { finding } from "./Finding.ts"
import type { Correction } from "./HeadCorrection.ts"
import { build, difference, type IndexFile } from "./IndexFile.ts"
import type { Packet, PacketScan } from "./PacketScan.ts"

export interface DataFile {
  readonly path: string
  readonly byteCount: number
  readonly scan: PacketScan
  readonly indexPath: string
  /** Undefined where there is no such file. */
  readonly index: IndexFile | undefined
  /** Its trace has indexes, so this file should have one. */
  readonly isIndexed: boolean
  /** UUID of its trace, where that is known. */
  readonly trace: string | undefined
  /** Minor of the trace's other indexes, for use where the file's own does not tell. */
  readonly minor: 0 | 1
  /** Members of heads that its index knows better. */
  readonly corrections: ReadonlyArray<Correction>
}

/** Whether two packets have the same bytes. */
export type IsEqual = (file: DataFile, packet: Packet, other: DataFile, same: Packet) => boolean

/** So many faults of one kind in one file are named one by one. */
const namedMax = 8

class Findings {
  readonly all: Array<Finding> = []
  readonly #counts = new Map<Code, number>()

  damage(code: Code, path: string, detail: string, offset?: number): void {
    const count = (this.#counts.get(code) ?? 0) + 1
    this.#counts.set(code, count)
    if (count <= namedMax) this.all.push(finding("damage", code, path, detail, offset === undefined ? {} : { offset }))
    if (count === namedMax + 1) this.all.push(finding("damage", code, path, "and more of the same"))
  }
}

/** Finds data that no packet's head accounts for: it stops readers until it is gone. */
const dataFindings = ({ path, byteCount, scan }: DataFile, found: Findings): void => {
  for (const { from, isTorn, reason, to } of scan.holes) {
    if (isTorn) found.damage("data-torn", path, `the last packet is not whole: ${reason}`, from)
    else found.damage("data-unreadable", path, `${to - from} bytes of ${byteCount} are no packet: ${reason}`, from)
  }
}

/** Findings about events that cannot be read, which no change can bring back. */
const eventFindings = ({ path, scan }: DataFile): ReadonlyArray<Finding> => {
  const found = new Findings()
  for (const { fault, offset } of scan.packets) {
    if (fault !== undefined) found.damage("event-unreadable", path, fault.reason, offset)
  }
  return found.all
}

const recordFindings = (file: DataFile, index: IndexFile, found: Findings): void => {
  const { byteCount, indexPath, scan } = file
  const byOffset = new Map(scan.packets.map((packet) => [packet.offset, packet]))
  const indexed = new Set<number>()
  let last = -1n
  for (const [number, record] of index.records.entries()) {
    const { offset, packetSize } = record
    const place = Number(offset)
    const named = `record ${number}`
    const packet = byOffset.get(place)
    if (offset <= last) found.damage("index-order", indexPath, `${named}: offset ${offset} after ${last}`, place)
    last = offset
    // A tracer that crashed has not said when its last packet ended.
    const isSaid = record.timestampEnd === 0n && packet?.timestampEnd === 0n
    if (record.timestampEnd < record.timestampBegin && !isSaid) {
      found.damage("time-backwards", indexPath, `${named}: ends before it begins`, place)
    }
    if (offset + packetSize / 8n > BigInt(byteCount)) {
      const end = offset + packetSize / 8n
      found.damage("index-past-data", indexPath, `${named}: ends at ${end}, the data at ${byteCount}`, place)
    } else if (packet === undefined) {
      found.damage("index-mismatch", indexPath, `${named}: no packet begins at ${offset}`, place)
    } else {
      indexed.add(place)
      const fault = difference(record, packet, index.minor ?? 1)
      if (fault !== undefined) found.damage("index-mismatch", indexPath, `${named}: ${fault}`, place)
    }
  }
  const missing = scan.packets.filter(({ offset }) => !indexed.has(offset))
  const [first] = missing
  if (first === undefined || index.records.some(({ offset }) => Number(offset) === first.offset)) return
  const detail = `${missing.length} of ${scan.packets.length} packets have no record`
  found.damage("index-behind", indexPath, detail, first.offset)
}

const indexFindings = (file: DataFile, found: Findings): void => {
  const { index, indexPath, isIndexed, scan } = file
  if (index === undefined) {
    if (isIndexed && scan.packets.length > 0) {
      found.damage("index-missing", indexPath, `${scan.packets.length} packets have no index`)
    }
    return
  }
  if (index.headerFault !== undefined) {
    found.damage("index-header", indexPath, index.headerFault)
    return
  }
  if (index.tornBytes > 0) {
    found.damage("index-torn", indexPath, `${index.tornBytes} bytes of a record that is not whole`)
  }
  recordFindings(file, index, found)
}

const adjacent = (packets: ReadonlyArray<Packet>): ReadonlyArray<Range> => {
  const ranges: Array<{ from: number; to: number }> = []
  for (const { byteCount, offset } of packets) {
    const last = ranges.at(-1)
    if (last?.to === offset) last.to += byteCount
    else ranges.push({ from: offset, to: offset + byteCount })
  }
  return ranges
}

/** What the file and its index become when only these of its packets stay. */
export const changes = (file: DataFile, packets: ReadonlyArray<Packet>): Finding["changes"] => {
  const { byteCount, index, indexPath, isIndexed, minor, path } = file
  const ranges = adjacent(packets)
  const isWhole = ranges.length === 1 && ranges[0]?.from === 0 && ranges[0].to === byteCount
  const places = new Map<number, number>()
  let place = 0
  for (const packet of packets) {
    places.set(packet.offset, place)
    place += packet.byteCount
  }
  const known = new Map<number, IndexRecord>(index?.records.map((record) => [Number(record.offset), record]))
  const shift = (offset: number) => places.get(offset) ?? offset
  const hasIndex = index !== undefined || (isIndexed && packets.length > 0)
  return [
    ...(isWhole || byteCount === 0 ? [] : [{ kind: "keep", path, ranges } as const]),
    ...(hasIndex
      ? [{ kind: "write", path: indexPath, bytes: build(packets, index?.minor ?? minor, known, shift) } as const]
      : [])
  ]
}

/** The file is removed, and its index with it. */
export const removal = ({ index, indexPath, path }: DataFile): Finding["changes"] =>
  (index === undefined ? [path] : [path, indexPath]).map((path) => ({ kind: "remove", path }))

const aside = ({ path }: DataFile, ranges: ReadonlyArray<Range>): Finding["changes"] =>
  ranges.length === 0 ? [] : [{ kind: "aside", path, ranges, to: Aside.pathOf(path) }]

const streamOf = ({ streamId, streamInstanceId }: Packet): string => `${streamId}/${streamInstanceId}`

/** Packets of another stream than most of the file's: a file should have those of one. */
const strangersIn = (packets: ReadonlyArray<Packet>): ReadonlyArray<Packet> => {
  const counts = new Map<string, number>()
  for (const packet of packets) counts.set(streamOf(packet), (counts.get(streamOf(packet)) ?? 0) + 1)
  if (counts.size < 2) return []
  const [own] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most))
  return packets.filter((packet) => streamOf(packet) !== own)
}

/** Whether two UUIDs differ in one byte: no two traces' do, so the one is the other, damaged. */
const isAlmost = (a: string, b: string): boolean => {
  const other = uuidBytes(b)
  return uuidBytes(a).filter((byte, at) => byte !== other[at]).length === 1
}

const isMisnamed = ({ trace: own }: DataFile, { trace, traceAt }: Packet): boolean =>
  own !== undefined && trace !== undefined && traceAt !== undefined && isAlmost(own, trace)

/** Packets that are not of the file's trace, and those of another stream than the others, and why. */
const outsiders = (file: DataFile): ReadonlyMap<Packet, string> => {
  const { scan, trace } = file
  const { packets } = scan
  const isOther = (packet: Packet) =>
    trace !== undefined && packet.trace !== undefined && packet.trace !== trace && !isMisnamed(file, packet)
  const found = new Map<Packet, string>()
  for (const packet of packets) if (isOther(packet)) found.set(packet, `a packet of trace ${packet.trace}`)
  for (const packet of strangersIn(packets.filter((each) => !found.has(each)))) {
    const { streamId, streamInstanceId } = packet
    found.set(packet, `a packet of stream ${streamId}/${streamInstanceId ?? "?"} among those of another`)
  }
  return found
}

const ending = (packet: Packet): Packet => ({
  ...packet,
  contentSize: packet.fault?.shortened?.contentSize ?? packet.contentSize
})

const shorten =
  ({ path }: DataFile) =>
  ({ fault, offset }: Packet): Finding["changes"] =>
    fault?.shortened === undefined ? [] : [{ kind: "shorten", path, offset, ...fault.shortened }]

const setTime =
  ({ path }: DataFile) =>
  ([{ doubt, offset }, { timestampBegin, timestampEnd }]: readonly [Packet, IndexRecord]): Finding["changes"] =>
    doubt === undefined
      ? []
      : [{ kind: "set-time", path, offset, at: doubt.at, bytes: doubt.bytesOf(timestampBegin, timestampEnd) }]

const nameTrace =
  ({ path, trace }: DataFile) =>
  ({ offset, traceAt }: Packet): Finding["changes"] =>
    trace === undefined || traceAt === undefined
      ? []
      : [{ kind: "name-trace", path, offset, trace, at: traceAt, bytes: uuidBytes(trace) }]

/** Index records whose times are right where those of their packets' heads are in doubt: all else agrees. */
const betterOf = ({ index }: DataFile, packets: ReadonlyArray<Packet>): ReadonlyMap<Packet, IndexRecord> => {
  const doubtful = packets.filter(({ doubt }) => doubt !== undefined)
  const better = new Map<Packet, IndexRecord>()
  if (index === undefined || doubtful.length === 0) return better
  const records = new Map(index.records.map((record) => [Number(record.offset), record]))
  for (const packet of doubtful) {
    const record = records.get(packet.offset)
    if (record === undefined || record.timestampEnd < record.timestampBegin) continue
    const { timestampBegin, timestampEnd } = record
    const isSame = timestampBegin === packet.timestampBegin && timestampEnd === packet.timestampEnd
    const fault = difference(record, { ...packet, timestampBegin, timestampEnd }, index.minor ?? 1)
    if (!isSame && fault === undefined) better.set(packet, record)
  }
  return better
}

const corrected = ({ corrections, path }: DataFile, all: ReadonlyArray<Finding>): ReadonlyArray<Finding> => {
  const changes = corrections.map((each) => ({ kind: "set-member", path, ...each }) as const)
  return all.map((each, at) => (at === 0 ? { ...each, changes } : each))
}

/** Checks a file. The first of the findings carries the changes that put all of them right. */
export const check = (file: DataFile): ReadonlyArray<Finding> => {
  const found = new Findings()
  dataFindings(file, found)
  indexFindings(file, found)
  const { holes, packets } = file.scan
  const strangers = outsiders(file)
  for (const [{ offset, trace }, detail] of strangers) {
    const isOther = file.trace !== undefined && trace !== file.trace
    found.damage(isOther ? "trace-mismatch" : "data-unreadable", file.path, detail, offset)
  }
  const misnamed = packets.filter((packet) => isMisnamed(file, packet))
  for (const { offset, trace } of misnamed) {
    const detail = `a packet that says it is of trace ${trace}, which is this one's UUID but for a byte`
    found.damage("trace-mismatch", file.path, detail, offset)
  }
  const all = [...found.all, ...eventFindings(file)]
  // What the packets are is seen when their heads are right again.
  if (file.corrections.length > 0) return corrected(file, all)
  if (holes.some(({ isForeign }) => isForeign)) return all
  const better = betterOf(
    file,
    packets.filter((packet) => !strangers.has(packet))
  )
  const isWhole = (packet: Packet) => !strangers.has(packet) && (better.has(packet) || packet.fault?.isDamage !== true)
  const damaged = packets.filter((packet) => !isWhole(packet))
  const [first, ...others] = all
  if (first === undefined || (found.all.length === 0 && damaged.length === 0)) return all
  const become = (packet: Packet): Packet => {
    const record = better.get(packet)
    if (record === undefined) return ending(packet)
    const { timestampBegin, timestampEnd } = record
    return { ...packet, timestampBegin, timestampEnd }
  }
  const isCut = (packet: Packet) => packet.fault?.shortened !== undefined && !strangers.has(packet)
  const cut = new Set(damaged.filter(isCut))
  const left = packets.filter((packet) => isWhole(packet) || cut.has(packet)).map(become)
  // Between two packets there was another, of which somebody may know more than its head says: it is set aside.
  const unreadable = holes
    .filter(({ isUnreadable, to }) => isUnreadable || to < file.byteCount)
    .map(({ from, to }) => ({ from, to }))
  const gone = damaged.filter((packet) => !cut.has(packet))
  const away = [...adjacent(gone), ...unreadable].sort((a, b) => a.from - b.from)
  // Each is set aside just before it changes: a repair that goes on after one that was killed begins with the same.
  const ended = [...cut].flatMap((packet) => [...aside(file, adjacent([packet])), ...shorten(file)(packet)])
  const named = [...misnamed.flatMap(nameTrace(file)), ...[...better].flatMap(setTime(file))]
  return [{ ...first, changes: [...named, ...ended, ...aside(file, away), ...changes(file, left)] }, ...others]
}
