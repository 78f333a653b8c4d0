/**
 * A stream as ATTACH_SESSION and GET_NEW_STREAMS announce it, and the reply both share: status u32, count u32, entries.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | id, the relay's handle: what the other commands name |
 * | 8 | u64 | ctfTraceId, one per metadata stream and its data streams |
 * | 16 | u32 | metadataFlag |
 * | 20 | char[4096] | pathName |
 * | 4116 | char[255] | channelName |
 */
import { bool32, fixed, fixedString, type Layout, struct, u32, u64 } from "../Struct.ts"
import { withItems } from "../Variable.ts"

/** A stream as a viewer is told of it. */
export interface StreamEntry {
  readonly id: bigint
  readonly ctfTraceId: bigint
  readonly metadataFlag: boolean
  readonly pathName: string
  readonly channelName: string
}

/** The structure (live.md §3.5). */
export const entry = struct({
  id: u64,
  ctfTraceId: u64,
  metadataFlag: bool32,
  pathName: fixedString(4096),
  channelName: fixedString(255)
})
/** Bytes of an entry, and byte offsets of its members. */
export const { size, offsets } = entry

/** The reply of ATTACH_SESSION and GET_NEW_STREAMS. */
export interface StreamsReply {
  readonly status: number
  /** Empty unless the status is OK. */
  readonly streams: ReadonlyArray<StreamEntry>
}

/** The head of that reply; entries follow. */
export const replyHead = struct({ status: u32, streamsCount: u32 })
/** The layout of that reply, the same for every minor; decoding fails with `Malformed`. */
export const reply: Layout<StreamsReply> = withItems(replyHead, "streamsCount", "streams", fixed(entry))
