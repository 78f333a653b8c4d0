/**
 * Records of a journal, byte for byte (docs/extension.md). The checksums were computed from the document by another
 * program, the Zstandard frame made by `zstd --no-check`.
 */
import { zstdCompressSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Unpacking } from "../../src/connection/journal/Unpacking.ts"
import { checksums } from "../../src/edge/journal/Checksums.ts"
import {
  headBytes,
  isHead,
  isWhole,
  Kind,
  payloadBytesMax,
  seal,
  writeUnsealed
} from "../../src/protocol/journal/Record.ts"
import { keptBytesMax, RecordFramer } from "../../src/protocol/journal/RecordFramer.ts"
import { hex } from "../protocol/goldens.ts"

/** Kind, number, connection; head and payload. */
const goldens: ReadonlyArray<readonly [number, number, number, string, string]> = [
  [Kind.control, 1, 1, "0000000000000001 00000000 0001 0001 9e8e8764 c17d6bdc", ""],
  [Kind.data, 5, 2, "0000000000000005 00000000 0002 0002 9e8e8764 778c6107", ""],
  [
    Kind.command,
    2,
    1,
    "0000000000000002 00000020 0003 0001 a6510d15 3cfd07b0",
    "000000000000000000000000000000080000000b000000000000000000000007"
  ],
  [Kind.packet, 6, 2, "0000000000000006 0000000c 0004 0002 41722f66 059bbf51", "5041434b4554484541444552"],
  [Kind.rest, 7, 2, "0000000000000007 00000004 0005 0002 484c9a34 8a88224d", "72657374"],
  [Kind.handle, 3, 1, "0000000000000003 00000008 0006 0001 272b707f b10f620c", "0000000000000007"],
  [Kind.handle, 4, 1, "0000000000000004 00000008 0006 0001 7a91b4f9 969ffcb2", "ffffffffffffffff"],
  [Kind.end, 8, 2, "0000000000000008 00000001 0007 0002 03b773d3 34a6df6d", "00"],
  [Kind.end, 9, 1, "0000000000000009 00000001 0007 0001 5628c505 792302ba", "01"],
  [Kind.finish, 10, 0, "000000000000000a 00000000 0008 0000 9e8e8764 8e4cb81c", ""],
  [Kind.forgotten, 11, 0, "000000000000000b 00000000 0009 0000 9e8e8764 f5ad6a2d", ""],
  [
    Kind.report,
    0,
    0,
    "0000000000000000 00000030 000a 0000 ca51c090 caef0afe",
    "000000000000040000000000000008000000000000001000000000000000000900000000000005dc0000000000000000"
  ],
  [
    Kind.packed,
    2,
    0,
    "0000000000000002 0000003f 000b 0000 a982434e 04e49c0f",
    "0000007028b52ffd20709501005402000001000100019e8e8764c17d6bdc000200000040000500014a80abbfddf24330726573740400b3930c4c02812f8005"
  ],
  [Kind.withdrawn, 7, 2, "0000000000000007 00000000 000c 0002 9e8e8764 47efaf11", ""],
  [Kind.hears, 0, 0, "0000000000000000 00000000 000d 0000 9e8e8764 e62bf19d", ""]
]

const bytesOf = (head: string, payload: string) => Buffer.from([...hex(head), ...hex(payload)])

type Heard = readonly [kind: number, number: number, connection: number, payload: string]

/** Of a record of kind `rest`. */
const headOf = (number: number, byteCount: number): Buffer => {
  const bytes = Buffer.alloc(headBytes)
  writeUnsealed(bytes, 0, { number, byteCount, kind: Kind.rest, connection: 1 })
  return bytes
}

/** The payload of a packed record. */
const packedOf = (records: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(records.length)
  return Buffer.concat([head, zstdCompressSync(records)])
}

/** What a framer makes of it, in pieces of so many bytes. */
const framed = (bytes: Buffer, pieceBytes: number): ReadonlyArray<Heard> => {
  const heard: Array<Heard> = []
  const framer = new RecordFramer((number, kind, connection, from, at, to) => {
    heard.push([kind, number, connection, from.toString("hex", at, to)])
    return true
  })
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes))
    framer.push(piece, 0, piece.length)
  }
  return heard
}

describe("records of a journal", () => {
  it("have an example of each kind", () => {
    assert.deepStrictEqual(new Set(goldens.map(([kind]) => kind)), new Set<number>(Object.values(Kind)))
  })

  for (const [kind, number, connection, head, payload] of goldens) {
    const name = Object.entries(Kind).find(([, value]) => value === kind)?.[0]
    it(`${name} ${number} has these bytes`, () => {
      const bytes = bytesOf(head, payload)
      assert.isTrue(isHead(bytes, 0, checksums) && isWhole(bytes, 0, checksums))
      const sealed = Buffer.from(bytes)
      sealed.fill(0xa5, 0, headBytes)
      seal(sealed, 0, { number, byteCount: bytes.length - headBytes, kind, connection }, checksums)
      assert.strictEqual(sealed.toString("hex"), bytes.toString("hex"))
    })
  }

  it("are found wherever they are cut", () => {
    const all = Buffer.concat(goldens.map(([, , , head, payload]) => bytesOf(head, payload)))
    const expected = goldens.map(([kind, number, connection, , payload]): Heard => [kind, number, connection, payload])
    for (const pieceBytes of [1, 2, 23, 24, 25, 40, all.length]) {
      assert.deepStrictEqual(framed(all, pieceBytes), expected, `${pieceBytes} bytes at a time`)
    }
  })

  it.each([
    ["is longer than any", headOf(1, payloadBytesMax + 1)],
    ["has a number that nobody counts to", headOf(2 ** 53, 0)]
  ])("end before one that %s, in whatever pieces it comes", (_, head) => {
    const all = Buffer.concat([headOf(1, 0), head, Buffer.alloc(payloadBytesMax + 1), headOf(2, 0)])
    for (const pieceBytes of [1, headBytes, 65_536, all.length]) {
      const numbers: Array<number> = []
      const framer = new RecordFramer((number) => numbers.push(number) > 0)
      for (let at = 0; at < all.length && !framer.isDead; at += pieceBytes) {
        framer.push(all, at, Math.min(at + pieceBytes, all.length))
      }
      assert.isTrue(framer.isDead)
      assert.deepStrictEqual(numbers, [1])
    }
  })

  it("that have come in part take at most twice as much as has come, whatever their heads say", () => {
    const all = Buffer.concat([headOf(1, payloadBytesMax), Buffer.alloc(payloadBytesMax)])
    const { allocUnsafeSlow } = Buffer
    let taken = 0
    Buffer.allocUnsafeSlow = (byteCount) => {
      taken = byteCount
      return allocUnsafeSlow(byteCount)
    }
    try {
      for (const byteCount of [headBytes, 100, 2000, 10_000, 200_000, 1_000_000]) {
        taken = 0
        new RecordFramer(() => true).push(all, 0, byteCount)
        assert.isAtMost(taken, Math.max(4096, 2 * byteCount))
      }
      const framer = new RecordFramer(() => true)
      for (let at = 0; at < all.length; at += 100) {
        framer.push(all, at, Math.min(at + 100, all.length))
        assert.isAtMost(taken, Math.max(4096, 2 * at + 200))
      }
      assert.strictEqual(taken, all.length)
    } finally {
      Buffer.allocUnsafeSlow = allocUnsafeSlow
    }
  })

  it("that are cut have memory of their own, which is kept for the next ones for a while, but not if it is much", () => {
    const heard: Array<number> = []
    const places: Array<ArrayBufferLike> = []
    const framer = new RecordFramer((number, _, __, { buffer }) => {
      places.push(buffer)
      return heard.push(number) > 0
    })
    const cut = (all: Buffer) => {
      framer.push(all, 0, 5000)
      framer.push(all, 5000, all.length)
      return places.at(-1)
    }
    const short = Buffer.concat([headOf(1, 6000), Buffer.alloc(6000)])
    const first = cut(short)
    assert.strictEqual(cut(short), first)
    framer.rest()
    assert.strictEqual(cut(short), first)
    framer.rest()
    framer.rest()
    const next = cut(short)
    assert.notStrictEqual(next, first)
    const long = Buffer.concat([headOf(2, keptBytesMax), Buffer.alloc(keptBytesMax)])
    const ofLong = cut(long)
    assert.notInclude([next, ofLong], cut(short))
    assert.deepStrictEqual(heard, [1, 1, 1, 1, 2, 1])
  })

  it("of which a part has come when there was none for a while lose nothing", () => {
    const heard: Array<number> = []
    const framer = new RecordFramer((number) => heard.push(number) > 0)
    const all = Buffer.concat([headOf(1, 5000), Buffer.alloc(5000), headOf(2, 5000), Buffer.alloc(5000)])
    framer.push(all, 0, 5000)
    framer.push(all, 5000, 7000)
    assert.deepStrictEqual(heard, [1])
    for (let count = 0; count < 3; count++) framer.rest()
    framer.push(all, 7000, all.length)
    assert.deepStrictEqual(heard, [1, 2])
  })

  it("that came packed take little more than they do packed until they are taken, each once and in order", () => {
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1)
    const records = Buffer.concat(
      numbers.map((number) => Buffer.concat([headOf(number, 50_000), Buffer.alloc(50_000)]))
    )
    const payload = packedOf(records)
    const heard: Array<number> = []
    const unpacking = new Unpacking((number) => {
      heard.push(number)
      return number % 3 !== 0
    })
    const lent = Buffer.from(payload)
    unpacking.add(lent, 0, lent.length)
    lent.fill(0xff)
    for (let count = 0; !unpacking.isEmpty; count++) {
      assert.strictEqual(unpacking.heldBytes, payload.length)
      assert.strictEqual(heard.length, 3 * (count + 1))
      unpacking.goOn()
    }
    assert.deepStrictEqual(heard, numbers)
    assert.isTrue(unpacking.heldBytes === 0 && !unpacking.isBroken)
  })

  it("that came packed are unpacked once for many that are taken one by one", () => {
    const zlib = process.getBuiltinModule("node:zlib")
    const { zstdDecompressSync } = zlib
    let count = 0
    zlib.zstdDecompressSync = (...what) => {
      count++
      return zstdDecompressSync(...what)
    }
    try {
      for (const byteCount of [0, 7, 1000, 40_000]) {
        const size = headBytes + byteCount
        const numbers = Array.from({ length: Math.floor(200_000 / size) }, (_, index) => index + 1)
        const one = (number: number) => Buffer.concat([headOf(number, byteCount), Buffer.alloc(byteCount, number)])
        const heard: Array<number> = []
        const unpacking = new Unpacking((number, _kind, _connection, bytes, from, to) => {
          assert.isTrue(bytes.subarray(from, to).equals(Buffer.alloc(byteCount, number)))
          heard.push(number)
          return false
        })
        const payload = packedOf(Buffer.concat(numbers.map(one)))
        count = 0
        unpacking.add(payload, 0, payload.length)
        while (!unpacking.isEmpty) {
          assert.deepStrictEqual(heard.at(-1), heard.length)
          unpacking.goOn()
        }
        assert.deepStrictEqual(heard, numbers)
        assert.isFalse(unpacking.isBroken)
        assert.isAtMost(count, 10)
      }
    } finally {
      zlib.zstdDecompressSync = zstdDecompressSync
    }
  })

  it("that came packed are none if the last is cut", () => {
    const unpacking = new Unpacking(() => true)
    const payload = packedOf(Buffer.concat([headOf(1, 0), headOf(2, 100), Buffer.alloc(99)]))
    unpacking.add(payload, 0, payload.length)
    assert.isTrue(unpacking.isBroken)
  })

  it("that came packed are those that were packed", () => {
    const heard: Array<Heard> = []
    const unpacking = new Unpacking((number, kind, connection, bytes, from, to) => {
      heard.push([kind, number, connection, bytes.toString("hex", from, to)])
      return true
    })
    const [, , , , payload = ""] = goldens.find(([kind]) => kind === Kind.packed) ?? []
    const bytes = Buffer.from(hex(payload))
    unpacking.add(bytes, 0, bytes.length)
    assert.isTrue(unpacking.isEmpty && !unpacking.isBroken)
    assert.deepStrictEqual(heard, [
      [Kind.control, 1, 1, ""],
      [Kind.rest, 2, 1, Buffer.from("rest".repeat(16)).toString("hex")]
    ])
  })

  it("are not unpacked if there are more or fewer bytes than they say, or the frame is cut", () => {
    const [, , , , payload = ""] = goldens.find(([kind]) => kind === Kind.packed) ?? []
    const whole = Buffer.from(hex(payload))
    const damages: ReadonlyArray<(bytes: Buffer) => Buffer> = [
      (bytes) => Buffer.from(bytes.fill(0, 0, 4)),
      (bytes) => Buffer.from(bytes.fill(111, 3, 4)),
      (bytes) => Buffer.from(bytes.fill(113, 3, 4)),
      (bytes) => Buffer.from(bytes.fill(255, 0, 4)),
      (bytes) => bytes.subarray(0, bytes.length - 1),
      (bytes) => bytes.subarray(0, 3)
    ]
    for (const [at, damage] of damages.entries()) {
      const unpacking = new Unpacking(() => assert.fail("a record"))
      const bytes = damage(Buffer.from(whole))
      unpacking.add(bytes, 0, bytes.length)
      assert.isTrue(unpacking.isBroken, `damage ${at}`)
    }
  })
})
