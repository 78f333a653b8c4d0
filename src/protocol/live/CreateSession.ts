/** CREATE_SESSION (8): the viewer session that ATTACH_SESSION needs. No payload; the reply is a status. */
import { empty, type Layout } from "../Struct.ts"

export const number = 8
export const name = "CREATE_SESSION"
export const since = 1

export const Status = { ok: 1, error: 2 } as const

export type Request = Record<never, never>
export type { StatusReply as Reply } from "./StatusReply.ts"

export const requestSize = 0
export const request = (_minor: number): Layout<Request> => empty
export { reply } from "./StatusReply.ts"
