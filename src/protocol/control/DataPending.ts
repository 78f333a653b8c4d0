/**
 * DATA_PENDING (8): is anything up to the packet named still on its way? Generic reply, holding 0 (not pending),
 * 1 (pending) or all ones (unknown stream).
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId |
 * | 8 | u64 | lastNetSeqNum, the last packet the consumer sent |
 */
import { everyMinor, fixed, struct, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.8). */
export const number = 8
/** The command's name in the protocol. */
export const name = "DATA_PENDING"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §6.8. */
export interface Request {
  readonly streamId: bigint
  readonly lastNetSeqNum: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(struct({ streamId: u64, lastNetSeqNum: u64 })))
export { reply } from "./GenericReply.ts"
