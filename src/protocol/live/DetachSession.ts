/**
 * DETACH_SESSION (9): the viewer is done with a session. The reply is a status.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId |
 */
import { everyMinor, fixed, struct, u64 } from "../Struct.ts"

/** The command's number on the wire (live.md §3.10 and §6.9). */
export const number = 9
/** The command's name in the protocol. */
export const name = "DETACH_SESSION"
/** The first minor whose peers send it. */
export const since = 8

/** Codes of the reply (live.md §6.9). */
export const Status = { ok: 1, unknown: 2, error: 3 } as const

/** The request's members, by the names of live.md §3.10 and §6.9. */
export interface Request {
  readonly sessionId: bigint
}
export type { StatusReply as Reply } from "./StatusReply.ts"

const head = struct({ sessionId: u64 })

/** Bytes of the request behind its header. */
export const requestSize = head.size
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(head))
export { reply } from "./StatusReply.ts"
