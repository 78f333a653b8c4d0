/**
 * RESET_METADATA (17): the stream's metadata starts over, in a new file. Generic reply.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId |
 * | 8 | u64 | version, for the log only |
 */
import { everyMinor, fixed, struct, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.5). */
export const number = 17
/** The command's name in the protocol. */
export const name = "RESET_METADATA"
/** The first minor whose peers send it. */
export const since = 8

/** The request's members, by the names of streaming.md §6.5. */
export interface Request {
  readonly streamId: bigint
  readonly version: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(struct({ streamId: u64, version: u64 })))
export { reply } from "./GenericReply.ts"
