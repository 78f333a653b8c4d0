/**
 * END_DATA_PENDING (11): the round is over; has every open stream been asked about? Generic reply, holding 0 (nothing
 * pending) or 1.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | sessionId, the relay's |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"

export const number = 11
export const name = "END_DATA_PENDING"
export const since = 1

export interface Request {
  readonly sessionId: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

const layout: Layout<Request> = fixed(struct({ sessionId: u64 }))

export const request = (_minor: number): Layout<Request> => layout
export { reply } from "./GenericReply.ts"
