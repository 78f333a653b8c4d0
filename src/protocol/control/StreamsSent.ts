/** STREAMS_SENT (16): publishes every stream announced so far to viewers. No payload; generic reply. */
import { empty, type Layout } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.3). */
export const number = 16
/** The command's name in the protocol. */
export const name = "STREAMS_SENT"
/** The first minor whose peers send it. */
export const since = 4

/** The request's members, by the names of streaming.md §6.3. */
export type Request = Record<never, never>
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = (_minor: number): Layout<Request> => empty
export { reply } from "./GenericReply.ts"
