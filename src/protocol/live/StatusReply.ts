/** A reply that is one u32, the status; the numbers are each command's own. */
import { everyMinor, fixed, struct, u32 } from "../Struct.ts"

/** One of the command's own `Status`. */
export interface StatusReply {
  readonly status: number
}

/** The same for every minor. */
export const reply = everyMinor<StatusReply>(fixed(struct({ status: u32 })))

/** The whole answer to a command number nobody knows. */
export const unknownCommand = 11
