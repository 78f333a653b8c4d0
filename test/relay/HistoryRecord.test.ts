/** What is kept of a journal's records, and its shape when it is written anew (docs/edge.md). */
import { describe, expect, it } from "vitest"
import * as SendIndex from "../../src/protocol/control/SendIndex.ts"
import * as SendMetadata from "../../src/protocol/control/SendMetadata.ts"
import * as PacketHeader from "../../src/protocol/data/PacketHeader.ts"
import * as Header from "../../src/protocol/Header.ts"
import { headBytes, Kind, offsets } from "../../src/protocol/journal/Record.ts"
import { bytesOf, isPlain, keptBytes, mark, path } from "../../src/relay/journal/HistoryRecord.ts"

const million = 1_000_000
const addStream = 3

describe("what is put down of a record", () => {
  it.each([
    ["a packet's header", Kind.packet, 0, PacketHeader.size],
    ["of what comes after it, nothing", Kind.rest, 0, 0],
    ["of metadata, all before its text", Kind.command, SendMetadata.number, Header.size + SendMetadata.headerSize],
    ["an index whole", Kind.command, SendIndex.number, million],
    ["any other command whole", Kind.command, addStream, million]
  ])("%s", (_what, kind, command, kept) => {
    expect(keptBytes(kind, million, command)).toBe(kept)
  })

  it("only packets, indexes and metadata change nothing but streams", () => {
    expect(isPlain(Kind.packet, 0) && isPlain(Kind.rest, 0)).toBe(true)
    expect(isPlain(Kind.command, SendIndex.number) && isPlain(Kind.command, SendMetadata.number)).toBe(true)
    expect(isPlain(Kind.command, addStream) || isPlain(Kind.data, 0) || isPlain(path, 0)).toBe(false)
  })
})

describe("a history that is written anew", () => {
  const last = 2 ** 32 + 5
  const payload = Buffer.from("abc")
  const bytes = bytesOf(
    [
      { kind: Kind.command, connection: 7, bytes: payload },
      { kind: path, connection: 0, bytes: payload },
      { kind: Kind.command, connection: 8, bytes: payload },
      { kind: mark, connection: 0, bytes: Buffer.alloc(0) }
    ],
    last
  )
  const records: Array<{ readonly number: bigint; readonly kind: number; readonly connection: number }> = []
  for (let at = headBytes; at < bytes.length; at += headBytes + bytes.readUInt32BE(at + offsets.byteCount)) {
    records.push({
      number: bytes.readBigUInt64BE(at),
      kind: bytes.readUInt16BE(at + offsets.kind),
      connection: bytes.readUInt16BE(at + offsets.connection)
    })
  }

  it("begins with a length that an earlier version cannot read on behind", () => {
    expect(bytes.readUInt32BE(offsets.byteCount)).toBe(0xffff_ffff)
  })

  it("counts the journal's records anew; our own have the number of the mark", () => {
    expect(records).toEqual([
      { number: 1n, kind: Kind.command, connection: 7 },
      { number: BigInt(last), kind: path, connection: 0 },
      { number: 2n, kind: Kind.command, connection: 8 },
      { number: BigInt(last), kind: mark, connection: 0 }
    ])
  })
})
