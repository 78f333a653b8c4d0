/** Index files as values, damaged ones too; and the index that a data file should have (storage.md §5). */
import type { IndexRecord } from "../protocol/CtfIndex.ts"
import * as CtfIndex from "../protocol/CtfIndex.ts"
import type { Packet } from "./PacketScan.ts"

export interface IndexFile {
  /** What is wrong with the header; undefined when nothing is. */
  readonly headerFault: string | undefined
  /** 0 or 1; undefined where the header does not tell. */
  readonly minor: 0 | 1 | undefined
  /** The two members that index 1.0 does not have are 0 there. */
  readonly records: ReadonlyArray<IndexRecord>
  /** Bytes after the last whole record. */
  readonly tornBytes: number
}

/** Value of a member that is not known. */
const unknown = 0xffff_ffff_ffff_ffffn
const layoutOf = (minor: 0 | 1) => (minor === 1 ? CtfIndex.record11 : CtfIndex.record10)

const headerFaultOf = (view: DataView): string | undefined => {
  if (view.byteLength < CtfIndex.headerSize) return `${view.byteLength} bytes of a header of ${CtfIndex.headerSize}`
  const { indexMajor: major, indexMinor: minor, magic, packetIndexLength: length } = CtfIndex.header.read(view, 0)
  if (magic !== CtfIndex.magic) return `begins with ${magic.toString(16)} instead of ${CtfIndex.magic.toString(16)}`
  if (major !== 1 || minor > 1) return `index ${major}.${minor} is none that is known`
  const { size } = layoutOf(minor as 0 | 1)
  return length === size ? undefined : `records of ${length} bytes instead of ${size}`
}

export const parse = (bytes: Uint8Array): IndexFile => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerFault = headerFaultOf(view)
  if (headerFault !== undefined) return { headerFault, minor: undefined, records: [], tornBytes: 0 }
  const minor = CtfIndex.header.read(view, 0).indexMinor as 0 | 1
  const { read, size } = layoutOf(minor)
  const count = Math.floor((bytes.length - CtfIndex.headerSize) / size)
  const records = Array.from({ length: count }, (_, index): IndexRecord => {
    const absent = { streamInstanceId: 0n, packetSeqNum: 0n }
    return { ...absent, ...read(view, CtfIndex.headerSize + index * size) }
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

/**
 * The index of these packets. What a packet does not tell comes from its record in `known`, by its offset. `shift`
 * answers where a packet will lie.
 */
export const build = (
  packets: ReadonlyArray<Packet>,
  minor: 0 | 1,
  known: ReadonlyMap<number, IndexRecord>,
  shift: (offset: number) => number
): Uint8Array => {
  const { size, write } = layoutOf(minor)
  // The protocol's 2.8 is the first with index 1.1.
  const header = CtfIndex.headerBytes(minor === 1 ? 8 : 7)
  const bytes = Buffer.alloc(header.length + packets.length * size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  header.copy(bytes)
  packets.forEach((packet, index) => {
    const record = known.get(packet.offset)
    const packetSize = BigInt(packet.byteCount) * 8n
    const members: IndexRecord = {
      offset: BigInt(shift(packet.offset)),
      packetSize,
      contentSize: packet.contentSize ?? record?.contentSize ?? packetSize,
      timestampBegin: packet.timestampBegin ?? record?.timestampBegin ?? 0n,
      timestampEnd: packet.timestampEnd ?? record?.timestampEnd ?? 0n,
      eventsDiscarded: packet.eventsDiscarded ?? record?.eventsDiscarded ?? 0n,
      streamId: packet.streamId ?? record?.streamId ?? 0n,
      streamInstanceId: packet.streamInstanceId ?? record?.streamInstanceId ?? unknown,
      packetSeqNum: packet.packetSeqNum ?? record?.packetSeqNum ?? unknown
    }
    write(view, header.length + index * size, members)
  })
  return bytes
}
