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
import { fixed, type Layout, struct, u32 } from "../Struct.ts"

export const number = 5
export const name = "VERSION"
export const since = 1

export interface Request {
  readonly major: number
  readonly minor: number
}
export type Reply = Request

const layout: Layout<Request> = fixed(struct({ major: u32, minor: u32 }))

export const request = (_minor: number): Layout<Request> => layout
export const reply = (_minor: number): Layout<Reply> => layout
