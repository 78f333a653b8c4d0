/**
 * GET_NEXT_INDEX (4): where a stream's next packet lies, or how far its silence is known. Request: streamId u64.
 *
 * | at | size | member of the reply | with OK | with INACTIVE |
 * | --- | --- | --- | --- | --- |
 * | 0 | u64 | offset, bytes | of the packet | 0 |
 * | 8, 16 | u64 | packetSize, contentSize, bits | | 0 |
 * | 24 | u64 | timestampBegin | | 0 |
 * | 32 | u64 | timestampEnd | | the beacon's |
 * | 40 | u64 | eventsDiscarded | | 0 |
 * | 48 | u64 | streamId, the CTF stream class | | same |
 * | 56, 60 | u32 | status, flags | | |
 *
 * Bytes 0 to 55 are those of an index record; `replySize` and `offsets` let hot code write a reply in place.
 */
import { everyMinor, fixed, struct, u32, u64 } from "../Struct.ts"

/** The command's number on the wire (live.md §3.6 and §7). */
export const number = 4
/** The command's name in the protocol. */
export const name = "GET_NEXT_INDEX"
/** The first minor whose peers send it. */
export const since = 1

/** Codes of the reply (live.md §7.1). */
export const Status = { ok: 1, retry: 2, hup: 3, error: 4, inactive: 5, eof: 6 } as const
/**
 * Bits of `flags`: metadata or streams have come that the viewer does not know. `byEdge`, of our relay to a viewer that
 * goes by events: the session comes by an edge (docs/extension.md).
 */
export const Flags = { newMetadata: 0x1, newStream: 0x2, byEdge: 0x40000000 } as const

/** The request's members, by the names of live.md §3.6 and §7. */
export interface Request {
  /** The relay's handle. */
  readonly streamId: bigint
}

/** The reply's members, by the names of live.md §3.6 and §7. */
export interface Reply {
  readonly offset: bigint
  readonly packetSize: bigint
  readonly contentSize: bigint
  readonly timestampBegin: bigint
  readonly timestampEnd: bigint
  readonly eventsDiscarded: bigint
  readonly streamId: bigint
  readonly status: number
  readonly flags: number
}

const head = struct({ streamId: u64 })

/** The reply, sizes in bits and times of the trace clock. */
export const replyStruct = struct({
  offset: u64,
  packetSize: u64,
  contentSize: u64,
  timestampBegin: u64,
  timestampEnd: u64,
  eventsDiscarded: u64,
  streamId: u64,
  status: u32,
  flags: u32
})
/** Bytes of the reply. */
export const replySize = replyStruct.size
/** Where each member of the reply lies. */
export const { offsets } = replyStruct

/** Bytes of the request behind its header. */
export const requestSize = head.size
/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(fixed(head))
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(fixed(replyStruct))
