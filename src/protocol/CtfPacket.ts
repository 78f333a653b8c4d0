/**
 * The head of a data packet as every LTTng tracer lays it out: packet header, then packet context, in the tracer's own
 * byte order. It says what index files and viewer replies leave out, and rebuilds an index where there is none.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u32 | magic 0xc1fc1fc1 |
 * | 4 | 16 | trace UUID |
 * | 20 | u32 | stream class id |
 * | 24 | u64 | stream instance id |
 * | 32 | u64 × 5 | timestamp begin, end (cycles); content, packet size (bits); packet sequence number |
 * | 72 | long | events discarded, then the processor |
 */
export interface PacketHead {
  /** 16 bytes: a view of those that were read. */
  readonly traceUuid: Uint8Array
  readonly streamId: bigint
  readonly streamInstanceId: bigint
  readonly timestampBegin: bigint
  readonly timestampEnd: bigint
  readonly contentSize: bigint
  readonly packetSize: bigint
  readonly packetSeqNum: bigint
  readonly eventsDiscarded: bigint
}

/** Bytes of the header and context that LTTng writes before the events of a packet. */
export const headBytes = 80
const magic = 0xc1fc1fc1
/** Byte offset of the trace UUID. */
export const uuidAt = 4
const uuidBytes = 16

/** Byte offset of the content size. */
export const contentSizeAt = 48

/** Byte offset of the timestamps of the packet's begin and end. */
export const timesAt = 32
/** The 16 bytes of both timestamps, in the byte order of `head`. */
export const timesBytes = (head: Uint8Array, begin: bigint, end: bigint): Uint8Array => u64s(head, begin, end)

/** The bytes of the values, in the byte order of `head`. */
const u64s = (head: Uint8Array, ...values: ReadonlyArray<bigint>): Uint8Array => {
  const isLittleEndian = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0, true) === magic
  const view = new DataView(new ArrayBuffer(8 * values.length))
  for (const [index, value] of values.entries()) view.setBigUint64(8 * index, value, isLittleEndian)
  return new Uint8Array(view.buffer)
}

/** Whether a head can begin with these bytes, which may be fewer than the four of the magic number. */
export const isBeginning = (bytes: Uint8Array): boolean =>
  [true, false].some((order) => {
    const first = new DataView(new ArrayBuffer(4))
    first.setUint32(0, magic, order)
    return bytes.subarray(0, 4).every((byte, at) => byte === first.getUint8(at))
  })

/** Byte offsets of the members of 8 bytes. */
export const memberAt = {
  streamInstanceId: 24,
  timestampBegin: timesAt,
  timestampEnd: timesAt + 8,
  contentSize: contentSizeAt,
  packetSize: 56,
  packetSeqNum: 64
} as const
/** One of the members of 8 bytes. */
export type Member = keyof typeof memberAt
/** Their names, in the order of the head. */
export const memberNames = Object.keys(memberAt) as ReadonlyArray<Member>
/** The 8 bytes of one of these, in the byte order of `head`. */
export const memberBytes = (head: Uint8Array, value: bigint): Uint8Array => u64s(head, value)

/** The head that the bytes begin with, if it is one. `longBytes`: the size of the traced machine's `long`. */
export const head = (bytes: Uint8Array, longBytes: 4 | 8 = 8): PacketHead | undefined => {
  const found = members(bytes, longBytes)
  if (found === undefined) return undefined
  const isSound = found.packetSize % 8n === 0n && found.packetSize >= found.contentSize && found.packetSize > 0n
  return isSound && found.timestampEnd >= found.timestampBegin ? found : undefined
}

/** What the head says that the bytes begin with, sensible or not. Undefined: its magic number is not there. */
export const members = (bytes: Uint8Array, longBytes: 4 | 8 = 8): PacketHead | undefined => {
  if (bytes.length < headBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const order = view.getUint32(0, true) === magic
  if (!order && view.getUint32(0, false) !== magic) return undefined
  const u64 = (at: number) => view.getBigUint64(at, order)
  return {
    traceUuid: bytes.subarray(uuidAt, uuidAt + uuidBytes),
    streamId: BigInt(view.getUint32(20, order)),
    streamInstanceId: u64(memberAt.streamInstanceId),
    timestampBegin: u64(memberAt.timestampBegin),
    timestampEnd: u64(memberAt.timestampEnd),
    contentSize: u64(memberAt.contentSize),
    packetSize: u64(memberAt.packetSize),
    packetSeqNum: u64(memberAt.packetSeqNum),
    eventsDiscarded: longBytes === 8 ? u64(72) : BigInt(view.getUint32(72, order))
  }
}
