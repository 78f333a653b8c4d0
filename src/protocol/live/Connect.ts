/**
 * CONNECT (1): a viewer says which protocol it speaks. Request and reply have one layout.
 *
 * | at | size | member | request | reply |
 * | --- | --- | --- | --- | --- |
 * | 0 | u64 | viewerSessionId | ignored | new; 0 for a notification connection |
 * | 8 | u32 | major | must be 2 | the relay's |
 * | 12 | u32 | minor | the viewer's | the relay's own, not the negotiated one |
 * | 16 | u32 | type | 1 commands, 2 notifications | 0 |
 */
import { everyMinor, fixed, type Layout, struct, u32, u64 } from "../Struct.ts"

/** The command's number on the wire (live.md §3.2 and §6.1). */
export const number = 1
/** The command's name in the protocol. */
export const name = "CONNECT"
/** The first minor whose peers send it. */
export const since = 1

/** What the connection is for; relays know `command` alone (live.md §6.1). */
export const ConnectionType = { command: 1, notification: 2 } as const

/** The request's members, by the names of live.md §3.2 and §6.1. */
export interface Request {
  readonly viewerSessionId: bigint
  readonly major: number
  readonly minor: number
  /** Any number: an unknown type ends the connection, which is not for a layout to decide. */
  readonly type: number
}
/** The reply's members, by the names of live.md §3.2 and §6.1. */
export type Reply = Request

const head = struct({ viewerSessionId: u64, major: u32, minor: u32, type: u32 })
const layout: Layout<Request> = fixed(head)

/** Bytes of the request behind its header. */
export const requestSize = head.size
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(layout)
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(layout)
