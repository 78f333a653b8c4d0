/**
 * The target's side of the streaming protocol as bytes, written out by hand.
 *
 * On purpose not the product's codecs: a codec that is wrong on both ends agrees with itself, and several
 * scenarios need requests that no codec would encode.
 */
/** One byte. */
export const u8 = (value: number): Buffer => Buffer.from([value])
/** Four bytes, big-endian. */
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4)
  // Modulo 2³²: negative numbers, too.
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}
/** Eight bytes, big-endian. */
export const u64 = (value: bigint | number): Buffer => {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)))
  return bytes
}
/** Text in a field of `size` bytes, filled with zeros. */
export const fixed = (text: string, size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  bytes.write(text, 0, "latin1")
  return bytes
}
/** Text and its zero. */
export const terminated = (text: string): Buffer => Buffer.from(`${text}\0`, "latin1")
/** One after the other. */
export const join = (...parts: ReadonlyArray<Uint8Array>): Buffer => Buffer.concat(parts)
/** No bytes. */
export const none = Buffer.alloc(0)
/** 2⁶⁴−1: "no sequence number". */
export const noSeq = 2n ** 64n - 1n

/** Commands by their number (streaming.md §5). */
export const numbers = {
  ADD_STREAM: 1,
  CREATE_SESSION: 2,
  START_DATA: 3,
  VERSION: 5,
  SEND_METADATA: 6,
  CLOSE_STREAM: 7,
  DATA_PENDING: 8,
  QUIESCENT_CONTROL: 9,
  BEGIN_DATA_PENDING: 10,
  END_DATA_PENDING: 11,
  SEND_INDEX: 13,
  STREAMS_SENT: 16,
  RESET_METADATA: 17,
  ROTATE_STREAMS: 18,
  CREATE_TRACE_CHUNK: 19,
  CLOSE_TRACE_CHUNK: 20,
  TRACE_CHUNK_EXISTS: 21,
  GET_CONFIGURATION: 22
} as const

/** Commands by name. */
export type Name = keyof typeof numbers

/** The header of a command (streaming.md §1.1). */
export const header = (number: number, dataSize: number | bigint): Buffer =>
  join(u64(0), u64(dataSize), u32(number), u32(0))

/** A command with its payload. */
export const message = (number: number, payload: Uint8Array): Buffer => join(header(number, payload.length), payload)

/** 2023-11-14 22:13:20 UTC: the moment all scenarios take place. */
export const start = 1_700_000_000

/** What `CREATE_SESSION` names. */
export interface Session {
  readonly name?: string
  readonly host?: string
  readonly basePath?: string
  readonly liveTimer?: number
  readonly snapshot?: boolean
  readonly nameContainsTime?: boolean
  readonly uuid?: string
  readonly sessionId?: number
  readonly creationTime?: number
  readonly currentChunk?: number
}

/** The payload of `CREATE_SESSION` in the layout of the minor (streaming.md §6.1). */
export const createSession = (minor: number, session: Session): Buffer => {
  const { name = "s", host = "h", basePath = "", liveTimer = 0, snapshot = false } = session
  if (minor < 4) return none
  if (minor < 11) return join(fixed(name, 255), fixed(host, 64), u32(liveTimer), u32(snapshot ? 1 : 0))
  return join(
    u32(name.length + 1),
    u32(host.length + 1),
    u32(basePath.length + 1),
    u32(liveTimer),
    u8(snapshot ? 1 : 0),
    u8(session.nameContainsTime === true ? 1 : 0),
    Buffer.from(session.uuid ?? "41e5e344992c4675aea6d7f9749e7de5", "hex"),
    u64(session.sessionId ?? 0),
    u64(session.creationTime ?? start),
    u8(session.currentChunk === undefined ? 0 : 1),
    u64(session.currentChunk ?? 0),
    ...(minor >= 15 ? [u32(1)] : []),
    terminated(name),
    terminated(host),
    terminated(basePath)
  )
}

/** What `ADD_STREAM` names. */
export interface Stream {
  readonly channel?: string
  readonly path?: string
  readonly fileSize?: number
  readonly fileCount?: number
}

/** The payload of `ADD_STREAM` in the layout of the minor (streaming.md §6.2). */
export const addStream = (minor: number, stream: Stream): Buffer => {
  const { channel = "ch_0", path = "ust/uid/0/64-bit", fileSize = 0, fileCount = 0 } = stream
  if (minor < 2) return join(fixed(channel, 264), fixed(path, 4096))
  if (minor < 11) return join(fixed(channel, 264), fixed(path, 4096), u64(fileSize), u64(fileCount))
  return join(
    u32(channel.length + 1),
    u32(path.length + 1),
    u64(fileSize),
    u64(fileCount),
    u64(0),
    terminated(channel),
    terminated(path)
  )
}

/** What `SEND_INDEX` says of a packet; times in clock cycles. */
export interface Index {
  readonly seq: number | bigint
  /** Bytes of the packet in the file; 0 makes it a beacon. */
  readonly bytes?: number
  readonly packetSeq?: number | bigint
  readonly begin?: number
  readonly end?: number
  readonly discarded?: number | bigint
  readonly streamClass?: number
}

/** The payload of `SEND_INDEX` in the layout of the minor (streaming.md §6.6). */
export const sendIndex = (minor: number, stream: bigint, index: Index): Buffer => {
  const bits = (index.bytes ?? 16) * 8
  const seq = Number(index.seq)
  return join(
    u64(stream),
    u64(index.seq),
    u64(bits),
    u64(bits),
    u64(index.begin ?? 1000 + seq * 10),
    u64(index.end ?? 1009 + seq * 10),
    u64(index.discarded ?? 0),
    u64(index.streamClass ?? 0),
    ...(minor >= 8 ? [u64(7), u64(index.packetSeq ?? index.seq)] : [])
  )
}

/** The payload of `ROTATE_STREAMS` (streaming.md §6.14). */
export const rotateStreams = (
  chunk: number | undefined,
  positions: ReadonlyArray<readonly [stream: bigint, at: number | bigint]>,
  padding: 0 | 3 | 7 = 7
): Buffer =>
  join(
    u32(positions.length),
    u8(chunk === undefined ? 0 : 1),
    Buffer.alloc(padding, 0xaa),
    u64(chunk ?? 0),
    ...positions.map(([stream, at]) => join(u64(stream), u64(at)))
  )

/** The payload of `CREATE_TRACE_CHUNK`; `at` in seconds since the epoch. */
export const createTraceChunk = (id: number, at: number, overrideName?: string): Buffer =>
  join(
    u64(id),
    u64(at),
    u32(overrideName === undefined ? 0 : overrideName.length + 1),
    overrideName === undefined ? none : terminated(overrideName)
  )

/** What becomes of a trace chunk that is closed. */
export const closeCommands = { move: 0, nothing: 1, delete: 2 } as const

/** The payload of `CLOSE_TRACE_CHUNK`; `at` in seconds since the epoch. */
export const closeChunk = (id: number, at: number, command?: number): Buffer =>
  join(u64(id), u64(at), u8(command === undefined ? 0 : 1), u32(command ?? 0))

/** The header of a packet on a data connection (streaming.md §1.3). */
export const packetHeader = (stream: bigint, seq: number | bigint, dataSize: number, padding: number): Buffer =>
  join(u64(0), u64(stream), u64(seq), u32(dataSize), u32(padding))

/** A payload that names its packet, so that a misplaced byte shows in a file's content. */
export const payload = (size: number, seq: number | bigint): Buffer => Buffer.alloc(size, Number(seq) + 1)
