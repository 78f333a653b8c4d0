/** Which malformations have which name: the relay answers some and hangs up on others. */
import { assert, describe, it } from "@effect/vitest"
import { Exit, Result, Schema } from "effect"
import { AddStream, CreateSession, CreateTraceChunk, SendIndex } from "../../src/protocol/control/index.ts"
import { ListSessions } from "../../src/protocol/live/index.ts"
import {
  bool8,
  bool32,
  bytes,
  fixed,
  fixedString,
  type Layout,
  optional,
  struct,
  u8,
  u16,
  u32,
  u64,
  u64Max,
  uuid
} from "../../src/protocol/Struct.ts"
import { hex } from "./goldens.ts"
import { createSession } from "./layouts.ts"

const reason = <A>(layout: Pick<Layout<A>, "decode">, message: Uint8Array) => {
  const result = layout.decode(message)
  return Result.isFailure(result) ? result.failure.reason : undefined
}

describe("names of CREATE_SESSION", () => {
  const layout = CreateSession.request(13)
  const { offsets } = CreateSession.struct11
  const changed = (at: number, source: string) => {
    const message = layout.encode(createSession)
    message.set(hex(source), at)
    return message
  }

  it("may be as long as the protocol says and no longer", () => {
    assert.isUndefined(reason(layout, layout.encode({ ...createSession, sessionName: "n".repeat(254) })))
    assert.strictEqual(reason(layout, layout.encode({ ...createSession, sessionName: "n".repeat(255) })), "string")
    assert.isUndefined(reason(layout, layout.encode({ ...createSession, hostname: "n".repeat(255) })))
    assert.strictEqual(reason(layout, layout.encode({ ...createSession, hostname: "n".repeat(256) })), "string")
    assert.isUndefined(reason(layout, layout.encode({ ...createSession, basePath: "n".repeat(4095) })))
    assert.strictEqual(reason(layout, layout.encode({ ...createSession, basePath: "n".repeat(4096) })), "string")
  })
  it("may not have length zero, except the base path", () => {
    assert.strictEqual(reason(layout, changed(offsets.sessionNameLength, "00000000")), "string")
    assert.strictEqual(reason(layout, changed(offsets.hostnameLength, "00000000")), "string")
    assert.strictEqual(Result.getOrThrow(layout.decode(changed(offsets.basePathLength, "00000000"))).basePath, "")
  })
  it("may not reach past the message, however long they claim to be", () => {
    assert.strictEqual(reason(layout, changed(offsets.basePathLength, "00000002")), "string")
    assert.strictEqual(reason(layout, changed(offsets.basePathLength, "ffffffff")), "string")
  })
  it("end with NUL; bytes that are not UTF-8 are kept as they are", () => {
    assert.strictEqual(reason(layout, changed(CreateSession.struct11.size + 1, "41")), "string")
    const foreign = changed(CreateSession.struct11.size, "ff")
    const { hostname, sessionName } = Result.getOrThrow(layout.decode(foreign))
    assert.deepStrictEqual(layout.encode({ ...createSession, hostname, sessionName }), foreign)
    const withPath = layout.encode({ ...createSession, basePath: "p/q" })
    withPath[withPath.length - 1] = 0x72
    assert.strictEqual(reason(layout, withPath), "string")
    withPath[withPath.length - 2] = 0
    assert.strictEqual(reason(layout, withPath), "string", "a NUL before the last byte is not enough")
    const name = "séance 跟踪"
    const message = layout.encode({ ...createSession, sessionName: name })
    assert.strictEqual(Result.getOrThrow(layout.decode(message)).sessionName, name)
  })
  it("come from a session daemon with an identity", () => {
    assert.strictEqual(reason(layout, changed(offsets.sessiondUuid, "00*16")), "value")
  })
  it("fill at most their arrays in older versions", () => {
    const message = new Uint8Array(CreateSession.struct4.size)
    message.fill(0x61, 0, 254)
    assert.strictEqual(Result.getOrThrow(CreateSession.request(4).decode(message)).sessionName.length, 254)
    message[254] = 0x61
    assert.strictEqual(reason(CreateSession.request(4), message), "string")
  })
  it("are followed by a known trace format only, since minor 15", () => {
    const message = CreateSession.request(15).encode({ ...createSession, traceFormat: 2 })
    for (const [format, expected] of [
      [0, "value"],
      [1, undefined],
      [2, undefined],
      [3, "value"]
    ] as const) {
      new DataView(message.buffer).setUint32(CreateSession.struct15.offsets.traceFormat, format)
      assert.strictEqual(reason(CreateSession.request(15), message), expected, `format ${format}`)
    }
  })
})

describe("names of ADD_STREAM", () => {
  const stream = { tracefileSize: 0n, tracefileCount: 0n, traceChunkId: 0n, channelName: "c", pathname: "p" }
  it("have 263 and 254 bytes at most", () => {
    const layout = AddStream.request(11)
    assert.isUndefined(reason(layout, layout.encode({ ...stream, channelName: "c".repeat(263) })))
    assert.strictEqual(reason(layout, layout.encode({ ...stream, channelName: "c".repeat(264) })), "string")
    assert.isUndefined(reason(layout, layout.encode({ ...stream, pathname: "p".repeat(254) })))
    assert.strictEqual(reason(layout, layout.encode({ ...stream, pathname: "p".repeat(255) })), "string")
  })
})

describe("the override name of CREATE_TRACE_CHUNK", () => {
  const layout = CreateTraceChunk.request(11)
  const head = "0000000000000001 0000000000000002"
  it("is a string problem when bad, and a short message when the fixed part is cut", () => {
    assert.strictEqual(reason(layout, hex(`${head} 000000`)), "short")
    assert.strictEqual(reason(layout, hex(`${head} 00000004 "abc"`)), "string")
    assert.strictEqual(reason(layout, hex(`${head} 00000004 "abcd"`)), "string")
    assert.strictEqual(reason(layout, hex(`${head} 00000001 00`)), "string")
    assert.strictEqual(reason(layout, hex(`${head} 00000003 00 61 00`)), "string")
    assert.strictEqual(reason(layout, hex(`${head} 00000100 ${"61".repeat(255)} 00`)), "string")
  })
  it("is absent when its length is zero", () => {
    assert.isUndefined(Result.getOrThrow(layout.decode(hex(`${head} 00000000 616263`))).overrideName)
  })
})

describe("fields", () => {
  const all = struct({
    a: u8,
    b: u16,
    c: u32,
    d: u64,
    e: bool8,
    f: bool32,
    g: bytes(3),
    h: fixedString(4),
    i: uuid,
    j: optional(u32),
    k: optional(u64)
  })
  const most = {
    a: 0xff,
    b: 0xffff,
    c: 0xffff_ffff,
    d: u64Max,
    e: true,
    f: true,
    g: Uint8Array.of(1, 2, 3),
    h: "é1",
    i: "ff".repeat(16),
    j: 0xffff_ffff,
    k: u64Max
  }
  const layout = fixed(all)

  it("lie one after the other, without gaps", () => {
    const { a, b, c, d, e, f, g, h, i, j, k } = all.offsets
    assert.deepStrictEqual([a, b, c, d, e, f, g, h, i, j, k, all.size], [0, 1, 3, 7, 15, 16, 20, 23, 27, 43, 48, 57])
  })
  it("hold their greatest values exactly", () => {
    assert.deepStrictEqual(Result.getOrThrow(layout.decode(layout.encode(most))), most)
    const source = `ff ffff ffffffff ffffffffffffffff 01 00000001 010203 "é1" 00 ${"ff".repeat(16)} 01 ffffffff 01 ${"ff".repeat(8)}`
    assert.deepStrictEqual(layout.encode(most), hex(source))
  })
  it("tell neighbouring 64-bit values apart where doubles cannot", () => {
    const layout64 = fixed(struct({ value: u64 }))
    for (const value of [0n, 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, u64Max - 1n, u64Max]) {
      assert.strictEqual(Result.getOrThrow(layout64.decode(layout64.encode({ value }))).value, value)
    }
  })
  it("take any byte but zero for true and write one", () => {
    assert.isTrue(Result.getOrThrow(fixed(struct({ flag: bool8 })).decode(hex("80"))).flag)
    assert.isTrue(Result.getOrThrow(fixed(struct({ flag: bool32 })).decode(hex("00000100"))).flag)
  })
  it("leave nothing of the buffer behind when they are shorter than their array", () => {
    const buffer = new Uint8Array(all.size).fill(0xa5)
    all.write(new DataView(buffer.buffer), 0, { ...most, h: "x", j: undefined, k: undefined })
    assert.deepStrictEqual(buffer.subarray(all.offsets.h, all.offsets.i), hex("78 000000"))
    assert.deepStrictEqual(buffer.subarray(all.offsets.j), hex("00*14"))
  })
  it("ignore a value that is not set", () => {
    assert.isUndefined(Result.getOrThrow(fixed(struct({ id: optional(u32) })).decode(hex("00 ffffffff"))).id)
  })
  it("cut an overlong string between characters, which the codec refuses to do", () => {
    const layout4 = fixed(struct({ text: fixedString(4) }))
    assert.deepStrictEqual(layout4.encode({ text: "aéé" }), hex(`"aé" 00`))
    assert.isTrue(Exit.isFailure(Schema.encodeExit(layout4.codec)({ text: "aéé" })))
  })
  it("are refused by the codec outside their range", () => {
    const refused = (value: unknown) => Exit.isFailure(Schema.encodeUnknownExit(layout.codec)(value))
    assert.isFalse(refused(most))
    const wrong = { a: 256, b: -1, c: 2 ** 32, d: u64Max + 1n, g: new Uint8Array(2), h: "a\0b", i: "FF", j: 0.5 }
    for (const [name, value] of Object.entries(wrong)) assert.isTrue(refused({ ...most, [name]: value }), name)
    assert.isTrue(refused({ ...most, h: "\ud800" }))
  })
})

it("encoders do not look at members a version does not carry", () => {
  const index = {
    relayStreamId: 1n,
    netSeqNum: 2n,
    packetSize: 3n,
    contentSize: 4n,
    timestampBegin: 5n,
    timestampEnd: 6n,
    eventsDiscarded: 7n,
    streamId: 8n,
    streamInstanceId: 9n,
    packetSeqNum: 10n
  }
  assert.deepStrictEqual(SendIndex.request(7).encode(index), SendIndex.request(8).encode(index).subarray(0, 64))
})

it("a list that claims more entries than it has is refused, whatever the number", () => {
  for (const minor of [4, 15]) assert.strictEqual(reason(ListSessions.reply(minor), hex("ffffffff 00*40")), "short")
})
