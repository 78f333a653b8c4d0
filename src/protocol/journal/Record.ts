/**
 * One record of a journal (docs/extension.md): what an edge heard of a tracing session, in the order it heard it. A
 * record has the same bytes in the edge's spool and on the wire. Its head:
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | number: 1, 2, 3, … in each journal |
 * | 8 | u32 | byteCount of the payload that follows |
 * | 12 | u16 | kind |
 * | 14 | u16 | connection, the tracer's, as the edge counts them |
 * | 16 | u32 | checksum of the payload (`Sum`) |
 * | 20 | u32 | CRC-32 of the 20 bytes before |
 */
import { fixed, struct, u16, u32, u64, type Value } from "../Struct.ts"

/** The structure of the head. */
export const head = struct({
  number: u64,
  byteCount: u32,
  kind: u16,
  connection: u16,
  payloadSum: u32,
  headCrc: u32
})
/** Bytes of the head, and byte offsets of its members. */
export const { size: headBytes, offsets } = head
/** Reads and writes the head; `decode` fails with `Malformed`. */
export const { decode, encode } = fixed(head)
/** The head's members as a value. */
export type Head = Value<typeof head.fields>

/** Most bytes of a payload: the longest command that has to be whole is a rotation of 65,535 streams. */
export const payloadBytesMax = 1088 * 1024

/** Most bytes of a packet or metadata in one record; longer ones have further records for their rest. */
export const pieceBytesMax = 128 * 1024

/** Bytes before the frame in a packed record's payload. */
export const packedHeadBytes = 4

/** Most bytes to which a packed record unpacks: it may hold one record of the greatest length. */
export const unpackedBytesMax = payloadBytesMax + headBytes

export const Kind = {
  /** A control connection was made. No payload. */
  control: 1,
  /** A data connection was made. No payload. */
  data: 2,
  /** A control command from its header on. Of SEND_METADATA at least the first 12 bytes of payload are here. */
  command: 3,
  /** A packet from its header on, all of which is here. */
  packet: 4,
  /** More of the command or packet that began last on the connection. */
  rest: 5,
  /** u64: the handle that the edge answered the oldest ADD_STREAM of the connection with; all ones: it was refused. */
  handle: 6,
  /** The tracer closed the connection; one byte that is not 0: it broke. */
  end: 7,
  /** Nothing more will come, of any connection. */
  finish: 8,
  /** The edge knows that the relay has finished, and has forgotten the journal. */
  forgotten: 9,
  /** What the edge says of itself (`EdgeReport`); the record's number is 0. */
  report: 10,
  /** On the wire only: u32 unpackedBytes, then a Zstandard frame of whole records, the last of which has its number. */
  packed: 11,
  /**
   * The packet that began last on the connection will not be whole: what came of it is taken back. No payload. With
   * connection 0, which does not exist, it means nothing.
   */
  withdrawn: 12,
  /** On the wire only: the edge wants to be told of parts that are lost (`OpenJournal.tells`). No payload, number 0. */
  hears: 13
} as const

/** The two checksums of a record, computed elsewhere. */
export interface Checksums {
  /** The CRC-32 of `bytes`. */
  readonly head: (bytes: Uint8Array) => number
  /** The checksum of a payload, `bytes[from, to)`. */
  readonly payload: (bytes: Buffer, from: number, to: number) => number
}

/** A head without its checksums. */
export type Unsealed = Pick<Head, "byteCount" | "kind" | "connection"> & { readonly number: number }

export const writeUnsealed = (into: Buffer, at: number, { byteCount, connection, kind, number }: Unsealed): void => {
  into.writeUInt32BE(Math.floor(number / 2 ** 32), at)
  into.writeUInt32BE(number % 2 ** 32, at + 4)
  into.writeUInt32BE(byteCount, at + offsets.byteCount)
  into.writeUInt16BE(kind, at + offsets.kind)
  into.writeUInt16BE(connection, at + offsets.connection)
}

/** Writes the head of a record whose payload is at `into[at + headBytes, at + headBytes + byteCount)`. */
export const seal = (into: Buffer, at: number, head: Unsealed, checksums: Checksums): void => {
  writeUnsealed(into, at, head)
  const payload = at + headBytes
  into.writeUInt32BE(checksums.payload(into, payload, payload + head.byteCount), at + offsets.payloadSum)
  into.writeUInt32BE(checksums.head(into.subarray(at, at + offsets.headCrc)), at + offsets.headCrc)
}

/** Whether the head at `at` is one: its checksum agrees, and its payload has a possible length. */
export const isHead = (bytes: Buffer, at: number, checksums: Checksums): boolean =>
  bytes.readUInt32BE(at + offsets.byteCount) <= payloadBytesMax &&
  bytes.readUInt32BE(at + offsets.headCrc) === checksums.head(bytes.subarray(at, at + offsets.headCrc))

/** Whether the payload of the record at `at`, all of which is there, is what was written. */
export const isWhole = (bytes: Buffer, at: number, checksums: Checksums): boolean => {
  const from = at + headBytes
  const to = from + bytes.readUInt32BE(at + offsets.byteCount)
  return bytes.readUInt32BE(at + offsets.payloadSum) === checksums.payload(bytes, from, to)
}
