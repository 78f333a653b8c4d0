/**
 * GET_NEW_STREAMS (7): what appeared in a session since the viewer last asked. Reply: status and streams, see
 * `StreamEntry`.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId |
 */
import { everyMinor, fixed, struct, u64 } from "../Struct.ts"
import { type StreamsReply, reply as streams } from "./StreamEntry.ts"

/** The command's number on the wire (live.md §3.9 and §6.5). */
export const number = 7
/** The command's name in the protocol. */
export const name = "GET_NEW_STREAMS"
/** The first minor whose peers send it. */
export const since = 1

/** Codes of the reply; `hup`: the session is over and has nothing more to show. */
export const Status = { ok: 1, noNew: 2, error: 3, hup: 4 } as const

/** The request's members, by the names of live.md §3.9 and §6.5. */
export interface Request {
  readonly sessionId: bigint
}
/** The reply's members, by the names of live.md §3.9 and §6.5. */
export type Reply = StreamsReply

const head = struct({ sessionId: u64 })

/** Bytes of the request behind its header. */
export const requestSize = head.size
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(head))
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(streams)
