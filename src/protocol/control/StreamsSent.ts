/** STREAMS_SENT (16): publishes every stream announced so far to viewers. No payload; generic reply. */
import { empty, type Layout } from "../Struct.ts"

export const number = 16
export const name = "STREAMS_SENT"
export const since = 4

export type Request = Record<never, never>
export type { GenericReply as Reply } from "./GenericReply.ts"

export const request = (_minor: number): Layout<Request> => empty
export { reply } from "./GenericReply.ts"
