/**
 * SEND_INDEX (13): where a packet lies in time; with packet size 0, a beacon instead. Generic reply.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | relayStreamId, the handle |
 * | 8 | u64 | netSeqNum, which packet of the data connection this is about |
 * | 16, 24 | u64 | packetSize, contentSize, bits |
 * | 32, 40 | u64 | timestampBegin, timestampEnd, trace clock |
 * | 48 | u64 | eventsDiscarded |
 * | 56 | u64 | streamId, the CTF stream class |
 * | 64, 72 | u64 | streamInstanceId, packetSeqNum, from minor 8 on |
 *
 * Bytes 16 to 63 (or 79) are those of an index record after its offset; `offsets` and `size` let hot code use them in
 * place.
 */
import { demanding, fixed, type Layout, struct, u64, withConstants } from "../Struct.ts"
import { features } from "../Version.ts"

/** The command's number on the wire (streaming.md §6.6). */
export const number = 13
/** The command's name in the protocol. */
export const name = "SEND_INDEX"
/** The first minor whose peers send it. */
export const since = 4

/** The request's members, by the names of streaming.md §6.6. */
export interface Request {
  readonly relayStreamId: bigint
  readonly netSeqNum: bigint
  readonly packetSize: bigint
  readonly contentSize: bigint
  readonly timestampBegin: bigint
  readonly timestampEnd: bigint
  readonly eventsDiscarded: bigint
  readonly streamId: bigint
  readonly streamInstanceId: bigint | undefined
  readonly packetSeqNum: bigint | undefined
}
export type { GenericReply as Reply } from "./GenericReply.ts"

/** The request of minors 4 to 7. */
export const struct4 = struct({
  relayStreamId: u64,
  netSeqNum: u64,
  packetSize: u64,
  contentSize: u64,
  timestampBegin: u64,
  timestampEnd: u64,
  eventsDiscarded: u64,
  streamId: u64
})
/** The request since minor 8. */
export const struct8 = struct({ ...struct4.fields, streamInstanceId: u64, packetSeqNum: u64 })
/** Where each member of `struct8` lies; those of `struct4` lie there too. */
export const { offsets } = struct8

/** The payload that must be there; more is ignored, less ends the connection. */
export const size = (minor: number): number => (features(minor).index28 ? struct8.size : struct4.size)

/** What can be written at every minor: newer ones demand what older ones leave out. */
export interface Writable extends Request {
  readonly streamInstanceId: bigint
  readonly packetSeqNum: bigint
}

const request4: Layout<Request> = withConstants(fixed(struct4), {
  streamInstanceId: undefined,
  packetSeqNum: undefined
})
const request8: Layout<Request, Writable> = demanding(fixed(struct8))

/** The layout of the request between peers of `minor`; decoding fails with `Malformed`. */
export const request = (minor: number): Layout<Request, Writable> => (features(minor).index28 ? request8 : request4)
export { reply } from "./GenericReply.ts"
