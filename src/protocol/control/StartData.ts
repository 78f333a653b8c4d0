/** START_DATA (3): means nothing any more, and is always answered with OK. The payload is ignored; generic reply. */
import { empty, type Layout } from "../Struct.ts"

export const number = 3
export const name = "START_DATA"
export const since = 1

export type Request = Record<never, never>
export type { GenericReply as Reply } from "./GenericReply.ts"

export const request = (_minor: number): Layout<Request> => empty
export { reply } from "./GenericReply.ts"
