/**
 * DATA_PENDING (8): is anything up to the packet named still on its way? Generic reply, holding 0 (not pending),
 * 1 (pending) or all ones (unknown stream).
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId |
 * | 8 | u64 | lastNetSeqNum, the last packet the consumer sent |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"

export const number = 8
export const name = "DATA_PENDING"
export const since = 1

export interface Request {
  readonly streamId: bigint
  readonly lastNetSeqNum: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

const layout: Layout<Request> = fixed(struct({ streamId: u64, lastNetSeqNum: u64 }))

export const request = (_minor: number): Layout<Request> => layout
export { reply } from "./GenericReply.ts"
