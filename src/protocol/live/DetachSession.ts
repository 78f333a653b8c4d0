/**
 * DETACH_SESSION (9): the viewer is done with a session. The reply is a status.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"

export const number = 9
export const name = "DETACH_SESSION"
export const since = 8

export const Status = { ok: 1, unknown: 2, error: 3 } as const

export interface Request {
  readonly sessionId: bigint
}
export type { StatusReply as Reply } from "./StatusReply.ts"

const head = struct({ sessionId: u64 })
const layout: Layout<Request> = fixed(head)

export const requestSize = head.size
export const request = (_minor: number): Layout<Request> => layout
export { reply } from "./StatusReply.ts"
