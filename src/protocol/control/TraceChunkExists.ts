/**
 * TRACE_CHUNK_EXISTS (21): is the chunk still in use, or its close action still running?
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | chunkId |
 *
 * Reply: returnCode u32, exists u8.
 */
import { bool8, everyMinor, fixed, struct, u32, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.17). */
export const number = 21
/** The command's name in the protocol. */
export const name = "TRACE_CHUNK_EXISTS"
/** The first minor whose peers send it. */
export const since = 11

/** The request's members, by the names of streaming.md §6.17. */
export interface Request {
  readonly chunkId: bigint
}

/** The reply's members, by the names of streaming.md §6.17. */
export interface Reply {
  readonly returnCode: number
  readonly exists: boolean
}

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(struct({ chunkId: u64 })))
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(fixed(struct({ returnCode: u32, exists: bool8 })))
