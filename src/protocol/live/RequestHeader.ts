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

/** The structure (live.md §3.1). */
export const header = struct({ dataSize: u64, command: u32, commandVersion: u32 })
/** Bytes of the header, byte offsets of its members, and its Schema codec. */
export const { size, offsets, codec } = header
/** Reads and writes the header; `decode` fails with `Malformed`. */
export const { decode, encode } = fixed(header)
/** The header's members as a value. */
export type RequestHeader = Value<typeof header.fields>
