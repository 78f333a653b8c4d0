/**
 * TRACE_CHUNK_EXISTS (21): is the chunk still in use, or its close action still running?
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | chunkId |
 *
 * Reply: returnCode u32, exists u8.
 */
import { bool8, fixed, type Layout, struct, u32, u64 } from "../Struct.ts"

export const number = 21
export const name = "TRACE_CHUNK_EXISTS"
export const since = 11

export interface Request {
  readonly chunkId: bigint
}

export interface Reply {
  readonly returnCode: number
  readonly exists: boolean
}

const requestLayout: Layout<Request> = fixed(struct({ chunkId: u64 }))
const replyLayout: Layout<Reply> = fixed(struct({ returnCode: u32, exists: bool8 }))

export const request = (_minor: number): Layout<Request> => requestLayout
export const reply = (_minor: number): Layout<Reply> => replyLayout
