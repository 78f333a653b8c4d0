/** CREATE_SESSION (8): the viewer session that ATTACH_SESSION needs. No payload; the reply is a status. */
import { empty, type Layout } from "../Struct.ts"

/** The command's number on the wire (live.md §3.10 and §6.3). */
export const number = 8
/** The command's name in the protocol. */
export const name = "CREATE_SESSION"
/** The first minor whose peers send it. */
export const since = 1

/** Codes of the reply (live.md §6.3). */
export const Status = { ok: 1, error: 2 } as const

/** The request's members, by the names of live.md §3.10 and §6.3. */
export type Request = Record<never, never>
export type { StatusReply as Reply } from "./StatusReply.ts"

/** Bytes of the request behind its header. */
export const requestSize = 0
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = (_minor: number): Layout<Request> => empty
export { reply } from "./StatusReply.ts"
