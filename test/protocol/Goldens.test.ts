import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as CtfIndex from "../../src/protocol/CtfIndex.ts"
import { RotateStreams } from "../../src/protocol/control/index.ts"
import * as GetEdges from "../../src/protocol/journal/GetEdges.ts"
import * as ReturnCode from "../../src/protocol/ReturnCode.ts"
import { goldens, hex } from "./goldens.ts"

describe("real bytes", () => {
  for (const { name, layout, bytes, value, isUnclean } of goldens) {
    it(`${name} means what the peers meant`, () => {
      assert.deepStrictEqual(Result.getOrThrow(layout.decode(bytes)), value)
      if (!isUnclean)
        assert.strictEqual(Buffer.from(layout.encode(value)).toString("hex"), Buffer.from(bytes).toString("hex"))
    })
  }

  it("an index file begins with the header its records need", () => {
    assert.deepStrictEqual(CtfIndex.headerBytes(13), Buffer.from(hex("c1f1dcc1 00000001 00000001 00000048")))
    assert.deepStrictEqual(CtfIndex.headerBytes(7), Buffer.from(hex("c1f1dcc1 00000001 00000000 00000038")))
  })
})

describe("GET_EDGES's reply", () => {
  const ids = ["00112233445566778899aabbccddeeff", "f0e1d2c3b4a546878796a5b4c3d2e1f0"]
  const first = "00112233445566778899aabbccddeeff"
  const bytes = hex(`0000000a 00000002 ${first} f0e1d2c3b4a5468787 96a5b4c3d2e1f0`)

  it("is how many edges there are, and who", () => {
    assert.deepStrictEqual(Uint8Array.from(GetEdges.reply(ids)), bytes)
    const { count, returnCode } = Result.getOrThrow(GetEdges.replyHead.decode(bytes.subarray(0, GetEdges.headBytes)))
    assert.deepStrictEqual([returnCode, count], [ReturnCode.OK, 2])
    assert.strictEqual(bytes.length, GetEdges.headBytes + GetEdges.idsBytes(count))
    assert.deepStrictEqual(GetEdges.idsOf(bytes.subarray(GetEdges.headBytes)), ids)
  })
  it("names no more than sixteen", () => {
    const reply = GetEdges.reply(new Array<string>(17).fill(ids[0] ?? ""))
    assert.deepStrictEqual(Uint8Array.from(reply), hex(`0000000a 00000010 ${first.repeat(16)}`))
  })
})

describe("ROTATE_STREAMS", () => {
  const layout = RotateStreams.request(13)
  const paddings = [0, 3, 7]
  const positions = "0000000000000005 0000000000000009 0000000000000006 ffffffffffffffff"
  const value = {
    newChunkId: 0x0102030405060708n,
    positions: [
      { streamId: 5n, rotateAtSeqNum: 9n },
      { streamId: 6n, rotateAtSeqNum: 0xffff_ffff_ffff_ffffn }
    ]
  }
  for (const padding of paddings) {
    it(`is read with ${padding} bytes of garbage in its head`, () => {
      const bytes = hex(`00000002 01 ${"a5".repeat(padding)} 0102030405060708 ${positions}`)
      assert.deepStrictEqual(Result.getOrThrow(layout.decode(bytes)), value)
    })
    it(`may rotate nothing, with ${padding} bytes of garbage`, () => {
      const bytes = hex(`00000000 00 ${"a5".repeat(padding)} 0102030405060708`)
      assert.deepStrictEqual(Result.getOrThrow(layout.decode(bytes)), { newChunkId: undefined, positions: [] })
    })
  }
  it("is written with the seven zeroes of 64-bit peers", () => {
    assert.deepStrictEqual(layout.encode(value), hex(`00000002 01 00*7 0102030405060708 ${positions}`))
  })
  it("is refused at every other size", () => {
    const whole = new Uint8Array(13 + 7 + 2 * 16 + 40).fill(0)
    whole[3] = 2
    const fitting = paddings.map((padding) => 13 + padding + 2 * 16)
    for (let length = 0; length <= whole.length; length++) {
      const result = layout.decode(whole.subarray(0, length))
      assert.strictEqual(Result.isSuccess(result), fitting.includes(length), `${length} bytes`)
      if (Result.isFailure(result)) assert.strictEqual(result.failure.reason, length < 13 ? "short" : "size")
    }
  })
  it("refuses a count whose positions could not exist", () => {
    const result = layout.decode(hex("ffffffff 01 0102030405060708"))
    assert.strictEqual(Result.isFailure(result) && result.failure.reason, "size")
  })
})
