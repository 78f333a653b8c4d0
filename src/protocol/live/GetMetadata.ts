/**
 * GET_METADATA (6): what a metadata stream holds beyond what the viewer was given. Request: streamId u64.
 *
 * Reply: length of data u64, status u32, data. Unlike GET_PACKET, the length comes first and has 64 bits. `replyHead`
 * alone serves a writer that reads the data straight into its output.
 */
import { fixed, type Layout, struct, u32, u64 } from "../Struct.ts"
import { withBytes } from "../Variable.ts"

export const number = 6
export const name = "GET_METADATA"
export const since = 1

export const Status = { ok: 1, noNew: 2, error: 3 } as const

export interface Request {
  readonly streamId: bigint
}

export interface Reply {
  readonly status: number
  /** A view of what was decoded, valid as long as that. Empty unless the status is OK. */
  readonly data: Uint8Array
}

const head = struct({ streamId: u64 })
const requestLayout: Layout<Request> = fixed(head)

export const replyHead = struct({ len: u64, status: u32 })
export const replyHeadSize = replyHead.size
const replyLayout: Layout<Reply> = withBytes(replyHead, "data", "len")

export const requestSize = head.size
export const request = (_minor: number): Layout<Request> => requestLayout
export const reply = (_minor: number): Layout<Reply> => replyLayout
