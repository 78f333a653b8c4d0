/**
 * VERSION (5): each side says which protocol it speaks. Request and reply have one layout.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u32 | major |
 * | 4 | u32 | minor |
 *
 * The reply carries the relay's own version, never the negotiated one, and is sent even if the major is refused.
 */
import { everyMinor, fixed, type Layout, struct, u32 } from "../Struct.ts"

/** The command's number on the wire (streaming.md §3). */
export const number = 5
/** The command's name in the protocol. */
export const name = "VERSION"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §3. */
export interface Request {
  readonly major: number
  readonly minor: number
}
/** The reply's members, by the names of streaming.md §3. */
export type Reply = Request

const layout: Layout<Request> = fixed(struct({ major: u32, minor: u32 }))

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(layout)
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(layout)
