/** The records of a journal's history (`JournalHistory`) as bytes: the journal's, shortened, and the relay's own. */
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import * as SendMetadata from "../../protocol/control/SendMetadata.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import * as Header from "../../protocol/Header.ts"
import { headBytes, Kind, offsets, type Unsealed, writeUnsealed } from "../../protocol/journal/Record.ts"

/** Kind of a mark. Its number is that of the last record whose effects are in the files. */
export const mark = 0xffff
/** Kind of a record with the path of a session that was created, or of what is `named` in one. */
export const path = 0xfffe
/**
 * In place of a connection, in that of a snapshot, or of a directory with streams of others: earlier versions of the
 * relay take it for one of a session.
 */
export const named = 1
/** Kind of a record with a stream's position, under the edge's handle. It has the number of the next mark. */
export const advance = 0xfffd

/**
 * Kind of a record with the state that a connection or its session continues from: see `Basis`. Without a connection it
 * begins an abridged history; its length is then made such that earlier versions of the relay stop reading there.
 */
export const basis = 0xfffc
const unreadable = 0xffff_ffff

/** Where a stream is. */
export interface Advance {
  /** The edge's handle. */
  readonly stream: bigint
  /** Opaque here: `relay/stream/PositionBytes` writes and reads it. */
  readonly position: Uint8Array
}

/** How many bytes of a record's payload are kept. */
export const keptBytes = (kind: number, byteCount: number, command: number): number => {
  if (kind === Kind.rest || (kind === basis && byteCount === unreadable)) return 0
  if (kind === Kind.packet) return PacketHeader.size
  if (kind !== Kind.command || command !== SendMetadata.number) return byteCount
  return Math.min(byteCount, Header.size + SendMetadata.headerSize)
}

/** Such a record changes nothing but streams. */
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

/** A record of an abridged history. */
export interface Entry {
  readonly kind: number
  readonly connection: number
  readonly bytes: Uint8Array
}

/** The records get new numbers, which stay below `last`: an abridged history is never longer than what it replaces. */
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

/** Without the checksum of the record itself: `Seals` has one over all of them. */
export const writeHead = (into: Buffer, at: number, value: Unsealed): void => {
  writeUnsealed(into, at, value)
  into.fill(0, at + offsets.payloadSum, at + headBytes)
}
