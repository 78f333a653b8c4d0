/**
 * RESET_METADATA (17): the stream's metadata starts over, in a new file. Generic reply.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | streamId |
 * | 8 | u64 | version, for the log only |
 */
import { fixed, type Layout, struct, u64 } from "../Struct.ts"

export const number = 17
export const name = "RESET_METADATA"
export const since = 8

export interface Request {
  readonly streamId: bigint
  readonly version: bigint
}
export type { GenericReply as Reply } from "./GenericReply.ts"

const layout: Layout<Request> = fixed(struct({ streamId: u64, version: u64 }))

export const request = (_minor: number): Layout<Request> => layout
export { reply } from "./GenericReply.ts"
