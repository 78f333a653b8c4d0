/**
 * END_DATA_PENDING (11): the round is over; has every open stream been asked about? Generic reply, holding 0 (nothing
 * pending) or 1.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId, the relay's |
 */
import { everyMinor, fixed, struct, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.11). */
export const number = 11
/** The command's name in the protocol. */
export const name = "END_DATA_PENDING"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §6.11. */
export interface Request {
  readonly sessionId: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(struct({ sessionId: u64 })))
export { reply } from "./GenericReply.ts"
