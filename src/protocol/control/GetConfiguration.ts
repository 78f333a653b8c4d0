/**
 * GET_CONFIGURATION (22): what this relay allows. Sent before there is a session.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | queryFlags, 0 |
 *
 * Reply: returnCode u32, configurationFlags u64.
 */
import { everyMinor, fixed, struct, u32, u64 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.18). */
export const number = 22
/** The command's name in the protocol. */
export const name = "GET_CONFIGURATION"
/** The first minor whose peers send it. */
export const since = 12

/** The only flag: peers may clear sessions. */
export const clearAllowed = 1n

/** The request's members, by the names of streaming.md §6.18. */
export interface Request {
  readonly queryFlags: bigint
}

/** The reply's members, by the names of streaming.md §6.18. */
export interface Reply {
  readonly returnCode: number
  readonly configurationFlags: bigint
}

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(struct({ queryFlags: u64 })))
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(fixed(struct({ returnCode: u32, configurationFlags: u64 })))
