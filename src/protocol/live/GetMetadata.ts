/**
 * GET_METADATA (6): what a metadata stream holds beyond what the viewer was given. Request: streamId u64.
 *
 * Reply: length of data u64, status u32, data. Unlike GET_PACKET, the length comes first and has 64 bits. `replyHead`
 * alone serves a writer that reads the data straight into its output.
 */
import { everyMinor, fixed, struct, u32, u64 } from "../Struct.ts"
import { withBytes } from "../Variable.ts"

/** The command's number on the wire (live.md §3.8 and §9). */
export const number = 6
/** The command's name in the protocol. */
export const name = "GET_METADATA"
/** The first minor whose peers send it. */
export const since = 1

/** Codes of the reply (live.md §9). */
export const Status = { ok: 1, noNew: 2, error: 3 } as const

/** The request's members, by the names of live.md §3.8 and §9. */
export interface Request {
  readonly streamId: bigint
}

/** The reply's members, by the names of live.md §3.8 and §9. */
export interface Reply {
  readonly status: number
  /** A view of what was decoded, valid as long as that. Empty unless the status is OK. */
  readonly data: Uint8Array
}

const head = struct({ streamId: u64 })

/** The head of the reply; the data follows. */
export const replyHead = struct({ len: u64, status: u32 })
/** Bytes of `replyHead`. */
export const replyHeadSize = replyHead.size

/** Bytes of the request behind its header. */
export const requestSize = head.size
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(head))
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(withBytes(replyHead, "data", "len"))
