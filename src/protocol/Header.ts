/**
 * The header of every control message.
 *
 * | at | size | member |
 * | --- | --- | --- |
 * | 0 | u64 | circuitId, ignored; peers send 0 |
 * | 8 | u64 | dataSize, bytes of payload |
 * | 16 | u32 | command |
 * | 20 | u32 | commandVersion, ignored; peers send 0 |
 *
 * Replies carry no header.
 */
import { fixed, struct, u32, u64, type Value } from "./Struct.ts"

/** The structure (streaming.md §1.1). */
export const header = struct({ circuitId: u64, dataSize: u64, command: u32, commandVersion: u32 })
/** Bytes of the header, byte offsets of its members, and its Schema codec. */
export const { size, offsets, codec } = header
/** Reads and writes the header; `decode` fails with `Malformed`. */
export const { decode, encode } = fixed(header)
/** The header's members as a value. */
export type Header = Value<typeof header.fields>

/** A message as peers send it: its header, and the payload. */
export const message = (command: number, payload: Uint8Array): readonly [head: Uint8Array, payload: Uint8Array] => [
  encode({ circuitId: 0n, dataSize: BigInt(payload.length), command, commandVersion: 0 }),
  payload
]

/** 128 MiB. A longer payload closes the connection without a reply; exactly this much is accepted. */
export const payloadBytesMax = 134_217_728
