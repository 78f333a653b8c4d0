/**
 * GET_PACKET (5): bytes of a stream, usually a whole packet that GET_NEXT_INDEX announced.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId, the relay's handle |
 * | 8 | u64 | offset, bytes |
 * | 16 | u32 | len, bytes |
 *
 * Reply: status u32, length of data u32 (0 unless OK), flags u32 (0), data. `replyHead` alone serves a writer that
 * reads the data straight into its output.
 */
import { everyMinor, fixed, struct, u32, u64 } from "../Struct.ts"
import { withBytes } from "../Variable.ts"

/** The command's number on the wire (live.md §3.7 and §8). */
export const number = 5
/** The command's name in the protocol. */
export const name = "GET_PACKET"
/** The first minor whose peers send it. */
export const since = 1

/** Codes of the reply (live.md §8). */
export const Status = { ok: 1, retry: 2, error: 3, eof: 4 } as const

/** The request's members, by the names of live.md §3.7 and §8. */
export interface Request {
  readonly streamId: bigint
  readonly offset: bigint
  readonly len: number
}

/** The reply's members, by the names of live.md §3.7 and §8. */
export interface Reply {
  readonly status: number
  readonly flags: number
  /** A view of what was decoded, valid as long as that. */
  readonly data: Uint8Array
}

const head = struct({ streamId: u64, offset: u64, len: u32 })

/** The head of the reply; the data follows. */
export const replyHead = struct({ status: u32, len: u32, flags: u32 })
/** Bytes of `replyHead`. */
export const replyHeadSize = replyHead.size

/** Bytes of the request behind its header. */
export const requestSize = head.size
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(head))
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(withBytes(replyHead, "data", "len"))
