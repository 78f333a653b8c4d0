/**
 * CLOSE_STREAM (7): no more packets after the one named. Generic reply.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId |
 * | 8 | u64 | lastNetSeqNum, all ones if none was sent; always so for metadata |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"

export const number = 7
export const name = "CLOSE_STREAM"
export const since = 1

export interface Request {
  readonly streamId: bigint
  readonly lastNetSeqNum: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

const layout: Layout<Request> = fixed(struct({ streamId: u64, lastNetSeqNum: u64 }))

export const request = (_minor: number): Layout<Request> => layout
export { reply } from "./GenericReply.ts"
