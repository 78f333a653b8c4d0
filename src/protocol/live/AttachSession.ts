/**
 * ATTACH_SESSION (3): the viewer wants to read a session. Reply: status and streams, see `StreamEntry`.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId |
 * | 8 | u64 | offset, which relays ignore; ours knows `byEvents` there |
 * | 16 | u32 | seek: 1 from the beginning, 2 from the last packet |
 */
import { everyMinor, fixed, struct, u32, u64 } from "../Struct.ts"
import { type StreamsReply, reply as streams } from "./StreamEntry.ts"

/** The command's number on the wire (live.md §3.4 and §6.4). */
export const number = 3
/** The command's name in the protocol. */
export const name = "ATTACH_SESSION"
/** The first minor whose peers send it. */
export const since = 1

/** Where the viewer begins: at the oldest packet that is left, or at the next one that comes. */
export const Seek = { beginning: 1, last: 2 } as const
/**
 * A value for `offset`: the viewer goes by the times of events, not of packets, or by none, so it gets each packet as
 * it was sent, even if that begins before what the viewer was told (docs/extension.md).
 */
export const byEvents = 0x6576656e7473n
/** Codes of the reply (live.md §6.4). */
export const Status = { ok: 1, already: 2, unknown: 3, notLive: 4, seekError: 5, noSession: 6 } as const

/** The request's members, by the names of live.md §3.4 and §6.4. */
export interface Request {
  readonly sessionId: bigint
  readonly offset: bigint
  /** Any number: an unknown one has its own status. */
  readonly seek: number
}
/** The reply's members, by the names of live.md §3.4 and §6.4. */
export type Reply = StreamsReply

const head = struct({ sessionId: u64, offset: u64, seek: u32 })

/** Bytes of the request behind its header. */
export const requestSize = head.size
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(head))
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(streams)
