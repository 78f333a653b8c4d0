/**
 * GET_CONFIGURATION (22): what this relay allows. Sent before there is a session.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | queryFlags, 0 |
 *
 * Reply: returnCode u32, configurationFlags u64.
 */
import { fixed, type Layout, struct, u32, u64 } from "../Struct.ts"

export const number = 22
export const name = "GET_CONFIGURATION"
export const since = 12

/** The only flag: peers may clear sessions. */
export const clearAllowed = 1n

export interface Request {
  readonly queryFlags: bigint
}

export interface Reply {
  readonly returnCode: number
  readonly configurationFlags: bigint
}

const requestLayout: Layout<Request> = fixed(struct({ queryFlags: u64 }))
const replyLayout: Layout<Reply> = fixed(struct({ returnCode: u32, configurationFlags: u64 }))

export const request = (_minor: number): Layout<Request> => requestLayout
export const reply = (_minor: number): Layout<Reply> => replyLayout
