/**
 * QUIESCENT_CONTROL (9): has everything before this been processed? Always answered with OK, once it has.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId, which need not exist |
 */
import { everyMinor, fixed, struct, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.9). */
export const number = 9
/** The command's name in the protocol. */
export const name = "QUIESCENT_CONTROL"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §6.9. */
export interface Request {
  readonly streamId: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(struct({ streamId: u64 })))
export { reply } from "./GenericReply.ts"
