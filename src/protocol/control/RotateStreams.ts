/**
 * ROTATE_STREAMS (18): each stream named goes to another trace chunk from a packet on. Generic reply.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u32 | count of positions |
 * | 4 | u8 | whether newChunkId is set; unset means "to no chunk" |
 * | 5 | P | garbage |
 * | 5+P | u64 | newChunkId |
 * | 13+P | 16 each | positions: streamId u64, rotateAtSeqNum u64 |
 *
 * Peers forgot to pack one member, so P depends on their machine: 0, 3 or 7. It is found from the exact size of the
 * message, the only one where surplus bytes are refused. We write 7, as 64-bit peers do.
 */
import { Schema } from "effect"
import { type Cursor, everyMinor, layout, Malformed, optional, struct, take, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.14). */
export const number = 18
/** The command's name in the protocol. */
export const name = "ROTATE_STREAMS"
/** The first minor whose peers send it. */
export const since = 11

/** Where one stream changes to the new chunk. */
export interface Position {
  readonly streamId: bigint
  /** The lowest `packetSeqNum` that belongs to the new chunk; metadata streams rotate at once. */
  readonly rotateAtSeqNum: bigint
}

/** The request's members, by the names of streaming.md §6.14. */
export interface Request {
  readonly newChunkId: bigint | undefined
  readonly positions: ReadonlyArray<Position>
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** One of the positions behind the head. */
export const position = struct({ streamId: u64, rotateAtSeqNum: u64 })
/** Bytes of padding behind `isSet` that peers of different builds put there; all are read. */
export const paddings = [0, 3, 7] as const
const paddingWritten = 7
const headSize = 13

const read = (cursor: Cursor): Request => {
  const { view, bytes } = cursor
  if (bytes.length < headSize) throw new Malformed({ reason: "short", detail: `${bytes.length} bytes of ${headSize}` })
  const count = view.getUint32(0)
  const padding = bytes.length - headSize - position.size * count
  if (!paddings.some((known) => known === padding)) {
    throw new Malformed({ reason: "size", detail: `${bytes.length} bytes cannot hold exactly ${count} positions` })
  }
  const newChunkId = view.getUint8(4) === 0 ? undefined : view.getBigUint64(5 + padding)
  take(cursor, headSize + padding)
  const positions: Array<Position> = []
  for (let index = 0; index < count; index++) positions.push(position.read(view, take(cursor, position.size)))
  return { newChunkId, positions }
}

const write = (cursor: Cursor, { newChunkId, positions }: Request): void => {
  const at = take(cursor, headSize + paddingWritten)
  cursor.view.setUint32(at, positions.length)
  cursor.view.setUint8(at + 4, newChunkId === undefined ? 0 : 1)
  cursor.view.setBigUint64(at + 5 + paddingWritten, newChunkId ?? 0n)
  for (const entry of positions) position.write(cursor.view, take(cursor, position.size), entry)
}

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(
  layout({
    schema: Schema.Struct({ newChunkId: optional(u64).schema, positions: Schema.Array(position.schema) }),
    sizeOf: ({ positions }) => headSize + paddingWritten + positions.length * position.size,
    read,
    write
  })
)
export { reply } from "./GenericReply.ts"
