/**
 * The header of every packet on a data connection.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | circuitId, ignored |
 * | 8 | u64 | streamId, the handle ADD_STREAM answered with |
 * | 16 | u64 | netSeqNum, the sender's packet counter in that stream |
 * | 24 | u32 | dataSize, bytes that follow |
 * | 28 | u32 | paddingSize, zeroes to append in the file; not on the wire |
 *
 * No maximum is set on either size.
 */
import { fixed, struct, u32, u64, type Value } from "../Struct.ts"

/** The structure (streaming.md §1.3). */
export const header = struct({ circuitId: u64, streamId: u64, netSeqNum: u64, dataSize: u32, paddingSize: u32 })
/** Bytes of the header, byte offsets of its members, and its Schema codec. */
export const { size, offsets, codec } = header
/** Reads and writes the header; `decode` fails with `Malformed`. */
export const { decode, encode } = fixed(header)
/** The header's members as a value. */
export type PacketHeader = Value<typeof header.fields>
