/** A reply that is one u32, the status; the numbers are each command's own. */
import { everyMinor, fixed, struct, u32 } from "../Struct.ts"

/** One of the command's own `Status`. */
export interface StatusReply {
  readonly status: number
}

/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<StatusReply>(fixed(struct({ status: u32 })))

/** The status that is the whole answer to an unknown command. */
export const unknownCommand = 11
