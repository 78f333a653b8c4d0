/** START_DATA (3): means nothing any more, and is always answered with OK. The payload is ignored; generic reply. */
import { empty, type Layout } from "../Struct.ts"

/** The command's number on the wire (streaming.md §6.12). */
export const number = 3
/** The command's name in the protocol. */
export const name = "START_DATA"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §6.12. */
export type Request = Record<never, never>
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = (_minor: number): Layout<Request> => empty
export { reply } from "./GenericReply.ts"
