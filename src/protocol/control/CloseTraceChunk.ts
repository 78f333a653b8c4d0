/**
 * CLOSE_TRACE_CHUNK (20): the chunk is complete; what becomes of it once nothing uses it any more.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | chunkId |
 * | 8 | u64 | closeTimestamp, seconds since the epoch |
 * | 16 | u8, u32 | closeCommand and whether it is set: 0 move to completed, 1 nothing, 2 delete |
 *
 * Reply: returnCode u32, length of path u32, path with its NUL, relative to the relay's output directory.
 */
import { everyMinor, fixed, optional, struct, u32, u64 } from "../Struct.ts"
import { maybe, withTexts } from "../Variable.ts"

/** The command's number on the wire (streaming.md §6.16). */
export const number = 20
/** The command's name in the protocol. */
export const name = "CLOSE_TRACE_CHUNK"
/** The first minor whose peers send it. */
export const since = 11

/** What happens to the chunk once nobody uses it (storage.md §4.5). */
export const CloseCommand = { moveToCompleted: 0, none: 1, delete: 2 } as const

/** The request's members, by the names of streaming.md §6.16. */
export interface Request {
  readonly chunkId: bigint
  readonly closeTimestamp: bigint
  /** Any number: refusing an unknown one takes a reply, which is not this layer's to give. */
  readonly closeCommand: number | undefined
}

/** The reply's members, by the names of streaming.md §6.16. */
export interface Reply {
  readonly returnCode: number
  readonly path: string | undefined
}

/** The layout of the request, the same for every minor; decoding fails with `Malformed`. */
export const request = everyMinor<Request>(
  fixed(struct({ chunkId: u64, closeTimestamp: u64, closeCommand: optional(u32) }))
)
/** The layout of the reply, the same for every minor; decoding fails with `Malformed`. */
export const reply = everyMinor<Reply>(
  withTexts(struct({ returnCode: u32, pathLength: u32 }), {
    path: maybe("pathLength", { lengthMax: 4096 })
  })
)
