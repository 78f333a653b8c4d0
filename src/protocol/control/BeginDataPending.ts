/**
 * BEGIN_DATA_PENDING (10): a round of questions about a session's streams starts. Generic reply, always OK.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId, the relay's |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"

export const number = 10
export const name = "BEGIN_DATA_PENDING"
export const since = 1

export interface Request {
  readonly sessionId: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

const layout: Layout<Request> = fixed(struct({ sessionId: u64 }))

export const request = (_minor: number): Layout<Request> => layout
export { reply } from "./GenericReply.ts"
