/** The reply of most commands: one u32, the return code. */
import { everyMinor, fixed, struct, u32 } from "../Struct.ts"

/** One of `ReturnCode`, or the truth value of a pending check. */
export interface GenericReply {
  readonly returnCode: number
}

/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<GenericReply>(fixed(struct({ returnCode: u32 })))
