/**
 * The header of every viewer request.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | dataSize, not to be trusted: the command decides how many bytes follow |
 * | 8 | u32 | command |
 * | 12 | u32 | commandVersion, ignored |
 *
 * Replies carry no header.
 */
import { fixed, struct, u32, u64, type Value } from "../Struct.ts"

export const header = struct({ dataSize: u64, command: u32, commandVersion: u32 })
export const { size, offsets, codec } = header
export const { decode, encode } = fixed(header)
export type RequestHeader = Value<typeof header.fields>
