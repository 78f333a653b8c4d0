/**
 * Chunks of one session that have the same packets, or older ones than the chunk before: a file was copied or moved, or
 * a rotation was interrupted while packets moved to the new chunk. Pure.
 */
import { changes, type DataFile, type IsEqual, removal } from "./DataFile.ts"
import { type Change, type Finding, finding } from "./Finding.ts"
import type { Packet } from "./PacketScan.ts"
import type { RecordedTrace } from "./RecordedTrace.ts"
import { type Extent, type Suspicion, shown, streamOf } from "./SessionPackets.ts"

interface Placed {
  readonly file: DataFile
  readonly extent: Extent
  readonly packet: Packet
}

/** Packets that two files have, that of the earlier chunk first. */
interface Shared {
  readonly earlier: DataFile
  readonly later: DataFile
  readonly extents: readonly [earlier: Extent, later: Extent]
  readonly packets: ReadonlyArray<readonly [earlier: Packet, later: Packet]>
}

const identity = ({ byteCount, packetSeqNum, timestampBegin, timestampEnd }: Packet): string =>
  `${packetSeqNum}/${timestampBegin}/${timestampEnd}/${byteCount}`

const placedOf = ({ extents, stream }: Suspicion, traces: ReadonlyArray<RecordedTrace>): ReadonlyArray<Placed> =>
  traces.flatMap(({ files, path }) => {
    const extent = extents.find(({ trace }) => trace === path)
    if (extent === undefined) return []
    return files.flatMap((file) =>
      file.scan.packets.filter((packet) => streamOf(packet) === stream).map((packet) => ({ file, extent, packet }))
    )
  })

const isBefore = (a: Placed, b: Placed): boolean =>
  (a.extent.number ?? -1) < (b.extent.number ?? -1) ||
  (a.extent.number === b.extent.number && a.file.path < b.file.path)

const sharedOf = (placed: ReadonlyArray<Placed>): ReadonlyArray<Shared> => {
  const seen = new Map<string, ReadonlyArray<Placed>>()
  const pairs = new Map<string, Shared & { readonly packets: Array<readonly [Packet, Packet]> }>()
  for (const each of placed) {
    const key = identity(each.packet)
    const others = seen.get(key) ?? []
    seen.set(key, [...others, each])
    for (const other of others) {
      if (other.extent.trace === each.extent.trace) continue
      const [a, b] = isBefore(other, each) ? [other, each] : [each, other]
      const name = `${a.file.path}\n${b.file.path}`
      const pair = pairs.get(name) ?? { earlier: a.file, later: b.file, extents: [a.extent, b.extent], packets: [] }
      pair.packets.push([a.packet, b.packet])
      pairs.set(name, pair)
    }
  }
  return [...pairs.values()]
}

/** Whether packets of these times may lie in the chunk, going by what the other chunks have. */
const fits = (chunk: Extent, times: ReadonlyArray<bigint>, others: ReadonlyArray<Extent>): boolean =>
  others.every(({ begin, end, number }) => {
    const at = chunk.number
    if (number === undefined || at === undefined || number === at) return true
    return times.every((time) => (number < at ? time > end : time < begin))
  })

/** Whether all packets of a file are elsewhere, too, and its stream has another file beside it. */
const isInterloper = (file: DataFile, shared: ReadonlySet<Packet>, placed: ReadonlyArray<Placed>): boolean =>
  file.scan.packets.every((packet) => shared.has(packet)) &&
  placed.some((other) => other.file !== file && dirOf(other.file) === dirOf(file))

const dirOf = ({ path }: DataFile): string => path.slice(0, path.lastIndexOf("/"))

/** Whether the packets are the end of one file and the beginning of the other, where a rotation has moved them. */
const isMoved = ({ earlier, later, packets }: Shared): boolean =>
  packets.every(
    ([before, after], at) =>
      before === earlier.scan.packets[earlier.scan.packets.length - packets.length + at] &&
      after === later.scan.packets[at]
  )

/** Which of the two is to lose what both have: where it does not belong, if something tells. */
const loserOf = (
  shared: Shared,
  placed: ReadonlyArray<Placed>,
  extents: ReadonlyArray<Extent>
): DataFile | undefined => {
  const { earlier, extents: own, later, packets } = shared
  if (own[0].number === undefined || own[0].number === own[1].number) return undefined
  const others = extents.filter((extent) => !own.includes(extent))
  const times = packets.map(([{ timestampBegin }]) => timestampBegin ?? 0n)
  const [fitsEarlier, fitsLater] = [fits(own[0], times, others), fits(own[1], times, others)]
  if (fitsEarlier !== fitsLater) return fitsEarlier ? later : earlier
  const both = new Set(packets.flat())
  const [isEarlier, isLater] = [isInterloper(earlier, both, placed), isInterloper(later, both, placed)]
  if (isEarlier !== isLater) return isEarlier ? earlier : later
  return isMoved(shared) ? earlier : undefined
}

/** Changes that take the shared packets from a file; a file that has nothing else is removed if it is an interloper. */
const without = (file: DataFile, shared: ReadonlySet<Packet>, placed: ReadonlyArray<Placed>): ReadonlyArray<Change> => {
  if (file.scan.holes.length > 0) return []
  if (isInterloper(file, shared, placed)) return removal(file)
  const left = file.scan.packets.filter((packet) => !shared.has(packet))
  return changes(file, left)
}

const sharedFinding = (
  suspicion: Suspicion,
  shared: Shared,
  placed: ReadonlyArray<Placed>,
  isEqual: IsEqual
): Finding => {
  const { earlier, later, packets } = shared
  const isSame = packets.every(([before, after]) => isEqual(earlier, before, later, after))
  const loser = isSame ? loserOf(shared, placed, suspicion.extents) : undefined
  const file = loser ?? later
  const other = file === later ? earlier : later
  const offset = packets[0]?.[file === later ? 1 : 0].offset ?? 0
  const what = `${packets.length} of its packets are in ${other.path}, too`
  const detail = isSame ? what : `${what}, with other bytes`
  return finding("damage", "packets-twice", file.path, detail, {
    offset,
    changes: loser === undefined ? [] : without(loser, new Set(packets.flat()), placed)
  })
}

const timeOf = ({ packet }: Placed): bigint => packet.timestampBegin ?? 0n

/** Findings about packets that lie in a later chunk than younger ones. */
const reversals = (stream: string, placed: ReadonlyArray<Placed>): ReadonlyArray<Finding> => {
  const found = new Map<string, Finding>()
  const sorted = placed
    .filter(({ extent }) => extent.number !== undefined)
    .toSorted((a, b) => (a.extent.number ?? 0) - (b.extent.number ?? 0))
  let [before, latest]: ReadonlyArray<Placed | undefined> = [undefined, undefined]
  for (const each of sorted) {
    if (latest !== undefined && latest.extent.number !== each.extent.number) before = latest
    if (before !== undefined && timeOf(each) < timeOf(before) && !found.has(each.file.path)) {
      const detail = `a packet of stream ${shown(stream)} is older than what a chunk before has, in ${before.file.path}`
      const { offset } = each.packet
      found.set(each.file.path, finding("damage", "chunk-order", each.file.path, detail, { offset }))
    }
    if (latest === undefined || timeOf(each) > timeOf(latest)) latest = each
  }
  return [...found.values()]
}

/** `traces`: those of the suspicion. */
export const check = (
  suspicion: Suspicion,
  traces: ReadonlyArray<RecordedTrace>,
  isEqual: IsEqual
): ReadonlyArray<Finding> => {
  const placed = placedOf(suspicion, traces)
  const shared = sharedOf(placed)
  const both = new Set(shared.flatMap(({ packets }) => packets.flat()))
  const found = shared.map((each) => sharedFinding(suspicion, each, placed, isEqual))
  return [
    ...found,
    ...reversals(
      suspicion.stream,
      placed.filter(({ packet }) => !both.has(packet))
    )
  ]
}
