/**
 * ADD_STREAM (1): announces a stream and asks for its handle. Request, minor 11 and above:
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | 2 × u32 | lengths of channelName (at most 264) and pathname (at most 255), NUL included |
 * | 8 | u64 | tracefileSize, bytes, 0 = unlimited |
 * | 16 | u64 | tracefileCount, 0 = no ring |
 * | 24 | u64 | traceChunkId, which the relay ignores |
 * | 32 | | channelName, pathname, each with its NUL |
 *
 * Minors 2 to 10: channelName char[264], pathname char[4096], tracefileSize, tracefileCount. Minor 1: the strings only.
 * The layout is the session's, not the connection's. Reply: handle u64 (all ones on error), returnCode u32.
 */
import { demanding, everyMinor, fixed, fixedString, type Layout, struct, u32, u64, withConstants } from "../Struct.ts"
import { terminated, withTexts } from "../Variable.ts"
import { features } from "../Version.ts"

/** The command's number on the wire (streaming.md §6.2). */
export const number = 1
/** The command's name in the protocol. */
export const name = "ADD_STREAM"
/** The first minor whose peers send it. */
export const since = 1

/** The request's members, by the names of streaming.md §6.2. */
export interface Request {
  readonly channelName: string
  readonly pathname: string
  readonly tracefileSize: bigint
  readonly tracefileCount: bigint
  readonly traceChunkId: bigint | undefined
}

/** The reply's members, by the names of streaming.md §6.2. */
export interface Reply {
  readonly handle: bigint
  readonly returnCode: number
}

/** The request of minor 1. */
export const struct1 = struct({ channelName: fixedString(264), pathname: fixedString(4096) })
/** The request of minors 2 to 10. */
export const struct2 = struct({ ...struct1.fields, tracefileSize: u64, tracefileCount: u64 })
/** The head of the request since minor 11; its two strings follow. */
export const struct11 = struct({
  channelNameLength: u32,
  pathnameLength: u32,
  tracefileSize: u64,
  tracefileCount: u64,
  traceChunkId: u64
})

/** What can be written at every minor: newer ones demand what older ones leave out. */
export interface Writable extends Request {
  readonly traceChunkId: bigint
}

const request1: Layout<Request> = withConstants(fixed(struct1), {
  tracefileSize: 0n,
  tracefileCount: 0n,
  traceChunkId: undefined
})
const request2: Layout<Request> = withConstants(fixed(struct2), { traceChunkId: undefined })
const request11: Layout<Request, Writable> = demanding(
  withTexts(struct11, {
    channelName: terminated("channelNameLength", { lengthMin: 1, lengthMax: 264 }),
    pathname: terminated("pathnameLength", { lengthMin: 1, lengthMax: 255 })
  })
)

/** The layout of the request between peers of `minor`; decoding fails with `Malformed`. */
export const request = (minor: number): Layout<Request, Writable> => {
  const { dynamicLayouts, tracefileRing } = features(minor)
  if (dynamicLayouts) return request11
  return tracefileRing ? request2 : request1
}

/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(fixed(struct({ handle: u64, returnCode: u32 })))
