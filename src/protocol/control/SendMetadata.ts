/**
 * SEND_METADATA (6): bytes to append to a stream, usually its metadata. It has no reply, on success or failure.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId |
 * | 8 | u32 | paddingSize, zeroes to append; not on the wire |
 * | 12 | the rest | metadata |
 *
 * `header` alone serves a reader that forwards the bytes as they arrive.
 */
import { type Layout, struct, u32, u64 } from "../Struct.ts"
import { withBytes } from "../Variable.ts"

export const number = 6
export const name = "SEND_METADATA"
export const since = 1

export interface Request {
  readonly streamId: bigint
  readonly paddingSize: number
  /** A view of what was decoded, valid as long as that. */
  readonly metadata: Uint8Array
}

export const header = struct({ streamId: u64, paddingSize: u32 })
export const headerSize = header.size
export const { offsets } = header

const layout: Layout<Request> = withBytes(header, "metadata")

export const request = (_minor: number): Layout<Request> => layout
