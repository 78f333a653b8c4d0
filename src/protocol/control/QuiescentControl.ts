/**
 * QUIESCENT_CONTROL (9): has everything before this been processed? Always answered with OK, once it has.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId, which need not exist |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"

export const number = 9
export const name = "QUIESCENT_CONTROL"
export const since = 1

export interface Request {
  readonly streamId: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

const layout: Layout<Request> = fixed(struct({ streamId: u64 }))

export const request = (_minor: number): Layout<Request> => layout
export { reply } from "./GenericReply.ts"
