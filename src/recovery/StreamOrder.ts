/**
 * The files of one stream together, a ring's above all: packets in order of time, each sequence number once, none left
 * out. Pure.
 */
import { compareInts } from "../ctf/decode/Cursor.ts"
import type { DataFile, IsEqual } from "./DataFile.ts"
import { changes, removal } from "./DataFile.ts"
import { append, type Finding, finding } from "./Finding.ts"
import type { Packet } from "./PacketScan.ts"

interface Placed {
  readonly file: DataFile
  readonly packet: Packet
}

const keyOf = ({ streamId, streamInstanceId }: Packet, path: string): string =>
  streamInstanceId === undefined ? path : `${streamId}/${streamInstanceId}`

/** Files by stream; packets of each in the order that they were recorded in. */
const streams = (files: ReadonlyArray<DataFile>): ReadonlyArray<ReadonlyArray<DataFile>> => {
  const groups = Map.groupBy(files, ({ path, scan: { packets } }) => packets[0] && keyOf(packets[0], path))
  groups.delete(undefined)
  const begin = (file: DataFile) => file.scan.packets[0]?.timestampBegin ?? 0n
  const sequence = (file: DataFile) => file.scan.packets[0]?.packetSeqNum ?? 0n
  return [...groups.values()].map((own) =>
    own.sort((a, b) => compareInts(begin(a), begin(b)) || compareInts(sequence(a), sequence(b)))
  )
}

const isSame = (a: Packet, b: Packet): boolean =>
  a.packetSeqNum === b.packetSeqNum &&
  a.timestampBegin === b.timestampBegin &&
  a.timestampEnd === b.timestampEnd &&
  a.byteCount === b.byteCount

/**
 * A packet that was being moved to another file when everything stopped is in both: it stays where it was moved to. The
 * answer is the number of packets that the first file is to lose.
 */
const movedCount = (from: DataFile, to: DataFile, isEqual: IsEqual): number => {
  const [before, after] = [from.scan.packets, to.scan.packets]
  const [first] = after
  if (first?.packetSeqNum === undefined) return 0
  const at = before.findIndex((packet) => isSame(packet, first))
  if (at < 0) return 0
  const isMoved = before.slice(at).every((packet, index) => {
    const other = after[index]
    return other !== undefined && isSame(packet, other) && isEqual(from, packet, to, other)
  })
  return isMoved ? before.length - at : 0
}

/** Whether all of a file's packets are in the other, too. */
const isWithin = (file: DataFile, other: DataFile, isEqual: IsEqual): boolean => {
  const known = new Map(other.scan.packets.map((packet) => [packet.packetSeqNum, packet]))
  return file.scan.packets.every((packet) => {
    const same = known.get(packet.packetSeqNum)
    return same !== undefined && isSame(packet, same) && isEqual(file, packet, other, same)
  })
}

/** Whether `file` is the copy of the two: only the other has an index, or its name comes later. */
const isCopy = (file: DataFile, other: DataFile): boolean => {
  const [own, others] = [file.index !== undefined, other.index !== undefined]
  return own === others ? file.byteCount === other.byteCount && file.path > other.path : others
}

const isTold = ({ scan: { holes, packets } }: DataFile): boolean =>
  holes.length === 0 && packets.every(({ packetSeqNum }) => packetSeqNum !== undefined)

/** For each file the others that have a packet with the number of its first one: mostly there are none. */
const overlapping = (own: ReadonlyArray<DataFile>): ReadonlyMap<DataFile, ReadonlySet<DataFile>> => {
  const beginnings = Map.groupBy(own.filter(isTold), ({ scan: { packets } }) => packets[0]?.packetSeqNum)
  const found = new Map<DataFile, Set<DataFile>>()
  for (const other of own) {
    for (const number of new Set(other.scan.packets.map(({ packetSeqNum }) => packetSeqNum))) {
      for (const file of beginnings.get(number) ?? []) {
        if (file !== other) found.set(file, (found.get(file) ?? new Set()).add(other))
      }
    }
  }
  return found
}

/** Files of which another beside them has everything; the finding removes the copy. */
export const copies = (files: ReadonlyArray<DataFile>, isEqual: IsEqual): ReadonlyMap<DataFile, Finding> => {
  const found = new Map<DataFile, Finding>()
  for (const own of streams(files)) {
    const others = overlapping(own)
    for (const file of own) {
      const known = [...(others.get(file) ?? [])]
      const other = known.find((each) => isCopy(file, each) && isWithin(file, each, isEqual))
      if (other === undefined) continue
      const detail = `all of it is in ${other.path}, too`
      found.set(file, finding("damage", "packets-twice", file.path, detail, { changes: removal(file) }))
    }
  }
  return found
}

const between = (before: Placed, { file, packet }: Placed): ReadonlyArray<Finding> => {
  const { offset, packetSeqNum: sequence, timestampBegin: begin, timestampEnd: end } = packet
  const previous = before.packet
  const found: Array<Finding> = []
  const add = (severity: Finding["severity"], code: Finding["code"], detail: string) =>
    found.push(finding(severity, code, file.path, detail, { offset }))
  const isBackwards = begin !== undefined && previous.timestampBegin !== undefined && begin < previous.timestampBegin
  if (isBackwards)
    add("damage", "time-backwards", `begins at ${begin}, the packet before at ${previous.timestampBegin}`)
  // A tracer that crashed has not said when the packet ended.
  const isOver = end !== undefined && end !== 0n
  if (begin !== undefined && isOver && end < begin) add("damage", "time-backwards", "ends before it begins")
  if (sequence === undefined || previous.packetSeqNum === undefined) return found
  const distance = sequence - previous.packetSeqNum
  if (distance > 1n) add("loss", "sequence-gap", `packet ${sequence} follows ${previous.packetSeqNum}`)
  else if (distance < 1n && sequence > 0n)
    add("damage", "sequence-repeats", `packet ${sequence} follows ${previous.packetSeqNum}`)
  return found
}

/** The packets in order of time, each once; undefined: they are so already, or do not tell. */
const rearranged = (packets: ReadonlyArray<Packet>): ReadonlyArray<Packet> | undefined => {
  if (packets.some(({ timestampBegin }) => timestampBegin === undefined)) return undefined
  const order = (a: Packet, b: Packet) =>
    compareInts(a.timestampBegin ?? 0n, b.timestampBegin ?? 0n) ||
    compareInts(a.packetSeqNum ?? 0n, b.packetSeqNum ?? 0n)
  const sorted = packets.toSorted(order)
  const once = sorted.filter((packet, at) => {
    const before = sorted[at - 1]
    return before === undefined || packet.packetSeqNum === undefined || !isSame(before, packet)
  })
  return once.length === packets.length && once.every((packet, at) => packet === packets[at]) ? undefined : once
}

/** The findings about a file, of which the worst gets the changes that leave the packets `right`. */
const inOrder = (
  file: DataFile,
  found: ReadonlyArray<Finding>,
  right: ReadonlyArray<Packet>
): ReadonlyArray<Finding> => {
  const fresh = finding("damage", "sequence-repeats", file.path, "packets that are there twice")
  const worst = found.find(({ severity }) => severity === "damage") ?? fresh
  return [{ ...worst, changes: changes(file, right) }, ...found.filter((each) => each !== worst)]
}

/** So many findings of one kind are told for each stream: otherwise people would be told of little else. */
const namedMax = 4

const ofStream = (files: ReadonlyArray<DataFile>, isEqual: IsEqual): ReadonlyArray<Finding> => {
  const found: Array<Finding> = []
  let before: Placed | undefined
  for (const [index, file] of files.entries()) {
    const next = files[index + 1]
    const moved = next === undefined ? 0 : movedCount(file, next, isEqual)
    const packets = file.scan.packets.slice(0, file.scan.packets.length - moved)
    if (moved > 0) {
      const detail = `the last ${moved} packets are in ${next?.path}, too`
      found.push(finding("damage", "sequence-repeats", file.path, detail, { changes: changes(file, packets) }))
    }
    const right = rearranged(packets)
    const from = found.length
    for (const packet of packets) {
      const placed = { file, packet }
      if (before !== undefined) found.push(...between(before, placed))
      before = placed
    }
    if (right !== undefined && moved === 0) append(found, inOrder(file, found.splice(from), right))
  }
  const counts = new Map<Finding["code"], number>()
  return found.filter(({ changes, code }) => {
    const count = counts.get(code) ?? 0
    counts.set(code, count + 1)
    return changes.length > 0 || count < namedMax
  })
}

export const check = (files: ReadonlyArray<DataFile>, isEqual: IsEqual): ReadonlyArray<Finding> =>
  streams(files).flatMap((own) => ofStream(own, isEqual))
