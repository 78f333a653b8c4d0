/**
 * ATTACH_SESSION (3): the viewer wants to read a session. Reply: status and streams, see `StreamEntry`.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId |
 * | 8 | u64 | offset, unused |
 * | 16 | u32 | seek: 1 from the beginning, 2 from the last packet |
 */
import { fixed, type Layout, struct, u32, u64 } from "../Struct.ts"
import { type StreamsReply, reply as streams } from "./StreamEntry.ts"

export const number = 3
export const name = "ATTACH_SESSION"
export const since = 1

export const Seek = { beginning: 1, last: 2 } as const
export const Status = { ok: 1, already: 2, unknown: 3, notLive: 4, seekError: 5, noSession: 6 } as const

export interface Request {
  readonly sessionId: bigint
  readonly offset: bigint
  /** Any number: an unknown one has its own status. */
  readonly seek: number
}
export type Reply = StreamsReply

const head = struct({ sessionId: u64, offset: u64, seek: u32 })
const layout: Layout<Request> = fixed(head)

export const requestSize = head.size
export const request = (_minor: number): Layout<Request> => layout
export const reply = (_minor: number): Layout<Reply> => streams
