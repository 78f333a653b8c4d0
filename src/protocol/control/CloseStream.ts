/**
 * CLOSE_STREAM (7): no more packets after the one named. Generic reply.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId |
 * | 8 | u64 | lastNetSeqNum, all ones if none was sent; always so for metadata |
 */
import { everyMinor, fixed, struct, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.7). */
export const number = 7
/** The command's name in the protocol. */
export const name = "CLOSE_STREAM"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §6.7. */
export interface Request {
  readonly streamId: bigint
  readonly lastNetSeqNum: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(struct({ streamId: u64, lastNetSeqNum: u64 })))
export { reply } from "./GenericReply.ts"
