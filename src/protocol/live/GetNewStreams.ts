/**
 * GET_NEW_STREAMS (7): what appeared in a session since the viewer last asked. Reply: status and streams, see
 * `StreamEntry`.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"
import { type StreamsReply, reply as streams } from "./StreamEntry.ts"

export const number = 7
export const name = "GET_NEW_STREAMS"
export const since = 1

/** `hup`: the session is over and has nothing more to show. */
export const Status = { ok: 1, noNew: 2, error: 3, hup: 4 } as const

export interface Request {
  readonly sessionId: bigint
}
export type Reply = StreamsReply

const head = struct({ sessionId: u64 })
const layout: Layout<Request> = fixed(head)

export const requestSize = head.size
export const request = (_minor: number): Layout<Request> => layout
export const reply = (_minor: number): Layout<Reply> => streams
