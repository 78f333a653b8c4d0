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
import { everyMinor, struct, u32, u64 } from "../Struct.ts"
import { withBytes } from "../Variable.ts"

/** The command's number on the wire (streaming.md §6.4). */
export const number = 6
/** The command's name in the protocol. */
export const name = "SEND_METADATA"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §6.4. */
export interface Request {
  readonly streamId: bigint
  readonly paddingSize: number
  /** A view of what was decoded, valid as long as that. */
  readonly metadata: Uint8Array
}

/** The head of the request; metadata follows to the end of the payload. */
export const header = struct({ streamId: u64, paddingSize: u32 })
/** Bytes of `header`. */
export const headerSize = header.size
/** Where each member of `header` lies. */
export const { offsets } = header

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(withBytes(header, "metadata"))
