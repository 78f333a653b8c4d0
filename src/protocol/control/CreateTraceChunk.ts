/**
 * CREATE_TRACE_CHUNK (19): the chunk new streams go to from now on. Generic reply.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | chunkId |
 * | 8 | u64 | creationTimestamp, seconds since the epoch |
 * | 16 | u32 | length of overrideName, NUL included; 0 = none |
 * | 20 | | overrideName, at most 254 bytes and its NUL |
 *
 * A bad name is `Malformed` for reason "string" and deserves an answer; a short fixed part is "short" and does not.
 */
import { everyMinor, struct, u32, u64 } from "../Struct.ts"
import { maybe, withTexts } from "../Variable.ts"

/** The command's number on the wire (streaming.md §6.15). */
export const number = 19
/** The command's name in the protocol. */
export const name = "CREATE_TRACE_CHUNK"
/** The first minor whose peers send it. */
export const since = 11

/** The request's members, by the names of streaming.md §6.15. */
export interface Request {
  readonly chunkId: bigint
  readonly creationTimestamp: bigint
  readonly overrideName: string | undefined
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The head of the request; the name follows. */
export const head = struct({ chunkId: u64, creationTimestamp: u64, overrideNameLength: u32 })

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(
  withTexts(head, {
    overrideName: maybe("overrideNameLength", { lengthMin: 2, lengthMax: 255 })
  })
)
export { reply } from "./GenericReply.ts"
