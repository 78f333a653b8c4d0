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
import { fixed, type Layout, struct, u32, u64 } from "../Struct.ts"

export const number = 1
export const name = "CONNECT"
export const since = 1

export const ConnectionType = { command: 1, notification: 2 } as const

export interface Request {
  readonly viewerSessionId: bigint
  readonly major: number
  readonly minor: number
  /** Any number: an unknown type ends the connection, which is not for a layout to decide. */
  readonly type: number
}
export type Reply = Request

const head = struct({ viewerSessionId: u64, major: u32, minor: u32, type: u32 })
const layout: Layout<Request> = fixed(head)

export const requestSize = head.size
export const request = (_minor: number): Layout<Request> => layout
export const reply = (_minor: number): Layout<Reply> => layout
