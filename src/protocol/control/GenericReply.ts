/** The reply of most commands: one u32, the return code. */
import { fixed, type Layout, struct, u32 } from "../Struct.ts"

/** One of `ReturnCode`, or the truth value of a pending check. */
export interface GenericReply {
  readonly returnCode: number
}

const layout: Layout<GenericReply> = fixed(struct({ returnCode: u32 }))

/** The same for every minor. */
export const reply = (_minor: number): Layout<GenericReply> => layout
