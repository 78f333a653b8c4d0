/** Index files as values, damaged ones too; and the index that a data file should have (storage.md §5). */
import * as CtfIndex from "../protocol/CtfIndex.ts"
import type { Packet } from "./PacketScan.ts"

export const suffix = ".idx"
export const directory = "index"

/** Of a data file's index. */
export const pathOf = (dataPath: string): string => dataPath.replace(/([^/]+)$/, `${directory}/$1${suffix}`)

/** Of index 1.1; the last two are 0 in 1.0. */
export interface IndexRecord {
  readonly offset: bigint
  readonly packetSize: bigint
  readonly contentSize: bigint
  readonly timestampBegin: bigint
  readonly timestampEnd: bigint
  readonly eventsDiscarded: bigint
  readonly streamId: bigint
  readonly streamInstanceId: bigint
  readonly packetSeqNum: bigint
}

export interface IndexFile {
  /** What is wrong with the header; undefined when nothing is. */
  readonly headerFault: string | undefined
  /** 0 or 1; undefined where the header does not tell. */
  readonly minor: 0 | 1 | undefined
  readonly records: ReadonlyArray<IndexRecord>
  /** Bytes behind the last whole record. */
  readonly tornBytes: number
}

/** Says that a member is not known. */
const unknown = 0xffff_ffff_ffff_ffffn
const memberBytes = 8
const sizeOf = (minor: 0 | 1): number => (minor === 1 ? CtfIndex.record11.size : CtfIndex.record10.size)

const headerFaultOf = (view: DataView): string | undefined => {
  if (view.byteLength < CtfIndex.headerSize) return `${view.byteLength} bytes of a header of ${CtfIndex.headerSize}`
  const [magic, major, minor, length] = [0, 4, 8, 12].map((at) => view.getUint32(at)) as [
    number,
    number,
    number,
    number
  ]
  if (magic !== CtfIndex.magic) return `begins with ${magic.toString(16)} instead of ${CtfIndex.magic.toString(16)}`
  if (major !== 1 || minor > 1) return `index ${major}.${minor} is none that is known`
  const size = sizeOf(minor as 0 | 1)
  return length === size ? undefined : `records of ${length} bytes instead of ${size}`
}

export const parse = (bytes: Uint8Array): IndexFile => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerFault = headerFaultOf(view)
  if (headerFault !== undefined) return { headerFault, minor: undefined, records: [], tornBytes: 0 }
  const minor = view.getUint32(8) as 0 | 1
  const size = sizeOf(minor)
  const count = Math.floor((bytes.length - CtfIndex.headerSize) / size)
  const records = Array.from({ length: count }, (_, index): IndexRecord => {
    const at = CtfIndex.headerSize + index * size
    const member = (number: number) => view.getBigUint64(at + number * memberBytes)
    return {
      offset: member(0),
      packetSize: member(1),
      contentSize: member(2),
      timestampBegin: member(3),
      timestampEnd: member(4),
      eventsDiscarded: member(5),
      streamId: member(6),
      streamInstanceId: minor === 1 ? member(7) : 0n,
      packetSeqNum: minor === 1 ? member(8) : 0n
    }
  })
  return { headerFault, minor, records, tornBytes: (bytes.length - CtfIndex.headerSize) % size }
}

/** The first member in which a record is not what the packet says of itself. */
export const difference = (record: IndexRecord, packet: Packet, minor: 0 | 1): string | undefined => {
  const members = [
    ["packetSize", BigInt(packet.byteCount) * 8n],
    ["contentSize", packet.contentSize],
    ["timestampBegin", packet.timestampBegin],
    ["timestampEnd", packet.timestampEnd],
    ["eventsDiscarded", packet.eventsDiscarded],
    ["streamId", packet.streamId],
    ...(minor === 1
      ? ([
          ["streamInstanceId", packet.streamInstanceId],
          ["packetSeqNum", packet.packetSeqNum]
        ] as const)
      : [])
  ] as const
  for (const [name, value] of members) {
    if (value !== undefined && record[name] !== value && record[name] !== unknown) {
      return `${name} is ${record[name]}, the packet says ${value}`
    }
  }
  return undefined
}

/** The index of these packets. What a packet does not tell comes from its record, if there is one at its offset. */
export const build = (
  packets: ReadonlyArray<Packet>,
  minor: 0 | 1,
  known: ReadonlyMap<number, IndexRecord>,
  shift: (offset: number) => number
): Uint8Array => {
  const size = sizeOf(minor)
  // The protocol's 2.8 is the first with index 1.1.
  const header = CtfIndex.headerBytes(minor === 1 ? 8 : 7)
  const bytes = Buffer.alloc(header.length + packets.length * size)
  header.copy(bytes)
  packets.forEach((packet, index) => {
    const record = known.get(packet.offset)
    const members = [
      BigInt(shift(packet.offset)),
      BigInt(packet.byteCount) * 8n,
      packet.contentSize ?? record?.contentSize ?? BigInt(packet.byteCount) * 8n,
      packet.timestampBegin ?? record?.timestampBegin ?? 0n,
      packet.timestampEnd ?? record?.timestampEnd ?? 0n,
      packet.eventsDiscarded ?? record?.eventsDiscarded ?? 0n,
      packet.streamId ?? record?.streamId ?? 0n,
      packet.streamInstanceId ?? record?.streamInstanceId ?? unknown,
      packet.packetSeqNum ?? record?.packetSeqNum ?? unknown
    ]
    const at = header.length + index * size
    for (const [number, member] of members.slice(0, size / memberBytes).entries()) {
      bytes.writeBigUInt64BE(BigInt.asUintN(64, member), at + number * memberBytes)
    }
  })
  return bytes
}
