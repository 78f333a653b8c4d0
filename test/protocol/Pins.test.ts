/** Sizes, offsets and numbers as the protocol has them, written out: a moved member fails here by name. */
import { assert, describe, it } from "@effect/vitest"
import * as CtfIndex from "../../src/protocol/CtfIndex.ts"
import * as control from "../../src/protocol/control/index.ts"
import * as PacketHeader from "../../src/protocol/data/PacketHeader.ts"
import * as Header from "../../src/protocol/Header.ts"
import * as live from "../../src/protocol/live/index.ts"
import * as ReturnCode from "../../src/protocol/ReturnCode.ts"
import { features, negotiate, own, speaks } from "../../src/protocol/Version.ts"

const pins: ReadonlyArray<readonly [string, { size: number; offsets: object }, number, ReadonlyArray<number>]> = [
  ["control header", Header, 24, [0, 8, 16, 20]],
  ["packet header", PacketHeader, 32, [0, 8, 16, 24, 28]],
  ["viewer request header", live.RequestHeader, 16, [0, 8, 12]],
  ["CREATE_SESSION 2.4", control.CreateSession.struct4, 327, [0, 255, 319, 323]],
  ["CREATE_SESSION 2.11", control.CreateSession.struct11, 59, [0, 4, 8, 12, 16, 17, 18, 34, 42, 50]],
  ["CREATE_SESSION 2.15", control.CreateSession.struct15, 63, [0, 4, 8, 12, 16, 17, 18, 34, 42, 50, 59]],
  ["ADD_STREAM 2.1", control.AddStream.struct1, 4360, [0, 264]],
  ["ADD_STREAM 2.2", control.AddStream.struct2, 4376, [0, 264, 4360, 4368]],
  ["ADD_STREAM 2.11", control.AddStream.struct11, 32, [0, 4, 8, 16, 24]],
  ["SEND_METADATA", control.SendMetadata.header, 12, [0, 8]],
  ["SEND_INDEX 2.4", control.SendIndex.struct4, 64, [0, 8, 16, 24, 32, 40, 48, 56]],
  ["SEND_INDEX 2.8", control.SendIndex.struct8, 80, [0, 8, 16, 24, 32, 40, 48, 56, 64, 72]],
  ["position of ROTATE_STREAMS", control.RotateStreams.position, 16, [0, 8]],
  ["CREATE_TRACE_CHUNK", control.CreateTraceChunk.head, 20, [0, 8, 16]],
  ["index header", CtfIndex.header, 16, [0, 4, 8, 12]],
  ["index record 1.0", CtfIndex.record10, 56, [0, 8, 16, 24, 32, 40, 48]],
  ["index record 1.1", CtfIndex.record11, 72, [0, 8, 16, 24, 32, 40, 48, 56, 64]],
  ["listed session 2.4", live.ListSessions.entry4, 339, [0, 8, 12, 16, 20, 84]],
  ["listed session 2.15", live.ListSessions.entry15, 32, [0, 8, 12, 16, 20, 24, 28]],
  ["stream entry", live.StreamEntry.entry, 4371, [0, 8, 16, 20, 4116]],
  ["head of a streams reply", live.StreamEntry.replyHead, 8, [0, 4]],
  ["GET_NEXT_INDEX's reply", live.GetNextIndex.replyStruct, 64, [0, 8, 16, 24, 32, 40, 48, 56, 60]],
  ["GET_PACKET's reply", live.GetPacket.replyHead, 12, [0, 4, 8]],
  ["GET_METADATA's reply", live.GetMetadata.replyHead, 12, [0, 8]]
]

describe("layout", () => {
  for (const [name, layout, size, offsets] of pins) {
    it(`${name} has ${size} bytes`, () => {
      assert.strictEqual(layout.size, size)
      assert.deepStrictEqual(Object.values<number>(layout.offsets as Record<string, number>), [...offsets])
    })
  }

  it("an index record without its offset is SEND_INDEX without its first two members", () => {
    const { offset: _, ...record } = CtfIndex.record11.offsets
    const { relayStreamId: _id, netSeqNum: _seq, ...index } = control.SendIndex.offsets
    assert.deepStrictEqual(Object.keys(record), Object.keys(index))
    for (const [name, at] of Object.entries(index)) assert.strictEqual(record[name as keyof typeof record], at - 8)
    for (const minor of [4, 7, 8, 15]) {
      assert.strictEqual(CtfIndex.recordSize(minor) - 8, control.SendIndex.size(minor) - 16)
    }
  })

  it("GET_NEXT_INDEX answers with the first seven members of an index record", () => {
    const { status: _, flags: _flags, ...reply } = live.GetNextIndex.offsets
    assert.deepStrictEqual(reply, CtfIndex.record10.offsets)
  })
})

describe("command tables", () => {
  it("have the numbers of the streaming protocol", () => {
    assert.deepStrictEqual(
      [...control.commands].map(([number, { name, since }]) => `${number} ${name} ${since}`).sort(),
      [
        "1 ADD_STREAM 1",
        "2 CREATE_SESSION 1",
        "3 START_DATA 1",
        "5 VERSION 1",
        "6 SEND_METADATA 1",
        "7 CLOSE_STREAM 1",
        "8 DATA_PENDING 1",
        "9 QUIESCENT_CONTROL 1",
        "10 BEGIN_DATA_PENDING 1",
        "11 END_DATA_PENDING 1",
        "13 SEND_INDEX 4",
        "16 STREAMS_SENT 4",
        "17 RESET_METADATA 8",
        "18 ROTATE_STREAMS 11",
        "19 CREATE_TRACE_CHUNK 11",
        "20 CLOSE_TRACE_CHUNK 11",
        "21 TRACE_CHUNK_EXISTS 11",
        "22 GET_CONFIGURATION 12"
      ].sort()
    )
  })
  it("have the numbers and request sizes of the viewer protocol", () => {
    assert.deepStrictEqual(
      [...live.commands].map(([number, { name, requestSize }]) => `${number} ${name} ${requestSize}`).sort(),
      [
        "1 CONNECT 20",
        "2 LIST_SESSIONS 0",
        "3 ATTACH_SESSION 20",
        "4 GET_NEXT_INDEX 8",
        "5 GET_PACKET 20",
        "6 GET_METADATA 8",
        "7 GET_NEW_STREAMS 8",
        "8 CREATE_SESSION 0",
        "9 DETACH_SESSION 8"
      ]
    )
  })
  it("let only SEND_METADATA go without a reply", () => {
    const silent = [...control.commands.values()].filter((command) => command.reply === undefined)
    assert.deepStrictEqual(
      silent.map(({ name }) => name),
      ["SEND_METADATA"]
    )
  })
  it("name what they know and number what they do not", () => {
    assert.strictEqual(control.nameOf(13), "SEND_INDEX")
    assert.strictEqual(control.nameOf(12), "command 12")
    assert.strictEqual(live.nameOf(9), "DETACH_SESSION")
    assert.strictEqual(live.nameOf(0), "command 0")
  })
  it("have the return codes peers look for", () => {
    const { OK, UNKNOWN, FATAL, NO_MEMORY, INVALID, INVALID_PROTOCOL, FILE_CREATION_ERROR } = ReturnCode
    assert.deepStrictEqual(
      [OK, UNKNOWN, FATAL, NO_MEMORY, INVALID, INVALID_PROTOCOL, FILE_CREATION_ERROR],
      [10, 11, 25, 26, 97, 152, 153]
    )
    assert.strictEqual(ReturnCode.names.get(97), "INVALID")
  })
})

describe("versions", () => {
  it("are negotiated to the lower minor", () => {
    assert.deepStrictEqual([0, 4, 13, 15, 16, 0xffff_ffff].map(negotiate), [0, 4, 13, 15, 15, 15])
    assert.deepStrictEqual(own, { major: 2, minor: 15 })
  })
  it("gain each feature at one minor and keep it", () => {
    const gained = {
      tracefileRing: 2,
      sessionInfo: 4,
      index: 4,
      index28: 8,
      resetMetadata: 8,
      liveDetach: 8,
      chunks: 11,
      dynamicLayouts: 11,
      configuration: 12,
      traceFormat: 15,
      liveListing15: 15
    }
    for (const [name, since] of Object.entries(gained)) {
      for (let minor = 0; minor <= 20; minor++) {
        assert.strictEqual(features(minor)[name as keyof typeof gained], minor >= since, `${name} at ${minor}`)
        assert.strictEqual(speaks(minor, since), minor >= since)
      }
    }
  })
  it("had absolute stream paths from 4 to 10 only", () => {
    const minors = Array.from({ length: 20 }, (_, minor) => minor)
    assert.deepStrictEqual(
      minors.filter((minor) => features(minor).absoluteStreamPaths),
      [4, 5, 6, 7, 8, 9, 10]
    )
  })
})
