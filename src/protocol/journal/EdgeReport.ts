/**
 * What an edge says of itself and of one journal (docs/extension.md), for people at the relay: the payload of a record
 * of kind `report`, whose number is 0. It is no part of the journal.
 */
import { fixed, struct, u64, type Value } from "../Struct.ts"

const layout = struct({
  /** Bytes of the journal in the spool. */
  spoolBytes: u64,
  /** Bytes of all journals of the edge, and how many they may have. */
  edgeSpoolBytes: u64,
  edgeSpoolBytesMax: u64,
  /** Number of the last record that the edge heard. */
  last: u64,
  /** ms since the edge heard its oldest record; the oldest that the relay had not carried out; 0: there is none. */
  oldestMillis: u64,
  lagMillis: u64
})

/** Bytes of the payload. */
export const { size } = layout
/** Reads and writes the payload; `decode` fails with `Malformed`. */
export const { decode, encode } = fixed(layout)
/** The payload's members as a value. */
export type EdgeReport = Value<typeof layout.fields>
