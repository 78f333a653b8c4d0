/**
 * The index file beside a data file: a 16-byte header, then one record per packet. Big-endian, like the wire.
 *
 * | at | size | header | | at | size | record |
 * | --- | --- | --- | --- | --- | --- | --- |
 * | 0 | u32 | magic | | 0 | u64 | offset of the packet in the data file, bytes |
 * | 4 | u32 | indexMajor, 1 | | 8, 16 | u64 | packetSize, contentSize, bits |
 * | 8 | u32 | indexMinor | | 24, 32 | u64 | timestampBegin, timestampEnd |
 * | 12 | u32 | packetIndexLength | | 40, 48 | u64 | eventsDiscarded, streamId |
 * | | | | | 56, 64 | u64 | streamInstanceId, packetSeqNum; index 1.1 only |
 *
 * A record without its offset is SEND_INDEX without its first two members.
 */
import { fixed, struct, u32, u64, type Value } from "./Struct.ts"
import { features } from "./Version.ts"

/** Index files lie in this directory, beside their data files. */
export const directory = "index"
/** Index files have the name of their data file, and this behind it. */
export const suffix = ".idx"
/** The path of a data file's index: `a/ch_0` has `a/index/ch_0.idx`. */
export const pathOf = (dataPath: string): string => dataPath.replace(/([^/]+)$/, `${directory}/$1${suffix}`)

/** The first four bytes of an index file (storage.md §5). */
export const magic = 0xc1f1dcc1

/** The structure at the beginning of the file. */
export const header = struct({ magic: u32, indexMajor: u32, indexMinor: u32, packetIndexLength: u32 })
/** The header's members as a value. */
export type Header = Value<typeof header.fields>
/** Bytes of `header`. */
export const headerSize = header.size

/** One record of index 1.0. */
export const record10 = struct({
  offset: u64,
  packetSize: u64,
  contentSize: u64,
  timestampBegin: u64,
  timestampEnd: u64,
  eventsDiscarded: u64,
  streamId: u64
})
/** One record of index 1.1. */
export const record11 = struct({ ...record10.fields, streamInstanceId: u64, packetSeqNum: u64 })
/** A record's members as a value. */
export type IndexRecord = Value<typeof record11.fields>

/** The layout of a session's records: 1.0 for sessions older than 2.8, 1.1 since. */
export const record = (minor: number): typeof record10 | typeof record11 =>
  features(minor).index28 ? record11 : record10

/** Bytes of one of the session's records. */
export const recordSize = (minor: number): number => record(minor).size

/** Bytes of a record before its fields. */
const offsetSize = record11.offsets.packetSize
/** Bytes of a record's fields: all members but its offset, as `SEND_INDEX` brings them. */
export const fieldsSize = (minor: number): number => recordSize(minor) - offsetSize
/** Where a member lies among the fields. */
export const fieldOffset = (name: Exclude<keyof IndexRecord, "offset">): number => record11.offsets[name] - offsetSize

/** A whole header, the caller's to keep. */
export const headerBytes = (minor: number): Buffer => {
  const { index28 } = features(minor)
  const bytes = fixed(header).encode({
    magic,
    indexMajor: 1,
    indexMinor: index28 ? 1 : 0,
    packetIndexLength: recordSize(minor)
  })
  return Buffer.from(bytes.buffer)
}
