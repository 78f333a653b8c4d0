/** The records of a journal's history (`JournalHistory`) as bytes: the journal's, shortened, and the relay's own. */
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import * as SendMetadata from "../../protocol/control/SendMetadata.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import * as Header from "../../protocol/Header.ts"
import { headBytes, Kind, offsets, type Unsealed, writeUnsealed } from "../../protocol/journal/Record.ts"

/** Of a record that is a mark: its number is how far the files go. */
export const mark = 0xffff
/** Of a record that is the path of a session, which has been made. */
export const path = 0xfffe
/** Of a record that brings a stream, named by the edge's handle, to a place. Its number is the next mark's. */
export const advance = 0xfffd

/**
 * Of a record that says on what the connection's session, or the connection, stands: see `Basis`. Without a connection
 * it begins what is abridged; its length then is one that an earlier version cannot read on behind.
 */
export const basis = 0xfffc
const unreadable = 0xffff_ffff

/** Where a stream is. */
export interface Advance {
  /** The edge's handle. */
  readonly stream: bigint
  /** As its writer reads it. */
  readonly position: Uint8Array
}

/** Bytes of a payload that are kept. */
export const keptBytes = (kind: number, byteCount: number, command: number): number => {
  if (kind === Kind.rest || (kind === basis && byteCount === unreadable)) return 0
  if (kind === Kind.packet) return PacketHeader.size
  if (kind !== Kind.command || command !== SendMetadata.number) return byteCount
  return Math.min(byteCount, Header.size + SendMetadata.headerSize)
}

/** Nothing but streams is changed by it. */
export const isPlain = (kind: number, command: number): boolean =>
  kind === Kind.packet ||
  kind === Kind.rest ||
  (kind === Kind.command && (command === SendIndex.number || command === SendMetadata.number))

export const advanceOf = (stream: bigint, position: Uint8Array): Buffer => {
  const bytes = Buffer.alloc(8 + position.length)
  bytes.writeBigUInt64BE(stream)
  bytes.set(position, 8)
  return bytes
}

/** A record of what is abridged. */
export interface Entry {
  readonly kind: number
  readonly connection: number
  readonly bytes: Uint8Array
}

/** Numbers count up to `last`: no more records are needed than there were. */
export const bytesOf = (entries: ReadonlyArray<Entry>, last: number): Buffer => {
  const parts: Array<Uint8Array> = [headOf({ number: 0, byteCount: unreadable, kind: basis, connection: 0 })]
  let count = 0
  for (const { bytes, connection, kind } of entries) {
    const number = kind < basis ? ++count : last
    parts.push(headOf({ number, byteCount: bytes.length, kind, connection }), bytes)
  }
  return Buffer.concat(parts)
}

const headOf = (value: Unsealed): Buffer => {
  const head = Buffer.alloc(headBytes)
  writeHead(head, 0, value)
  return head
}

/** Its checksums are those of the history (`Seals`). */
export const writeHead = (into: Buffer, at: number, value: Unsealed): void => {
  writeUnsealed(into, at, value)
  into.fill(0, at + offsets.payloadSum, at + headBytes)
}
