/** The checksum of a journal's payloads: its definition, and that the quick way to it is the same. */
import { assert, describe, it } from "@effect/vitest"
import { allocate, checksums } from "../../src/edge/journal/Checksums.ts"
import * as Sum from "../../src/protocol/journal/Sum.ts"

/** As docs/extension.md says it, word by word. */
const defined = (bytes: Buffer): number => {
  const padded = Buffer.concat([bytes, Buffer.alloc((64 - (bytes.length % 64)) % 64)])
  const words = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0].map(BigInt)
  const at = (index: number) => words[index] as bigint
  for (let vector = 0; vector < padded.length / 16; vector++) {
    const first = vector % 2 === 0 ? 0 : 8
    for (let lane = 0; lane < 4; lane++) {
      words[first + lane] = (at(first + lane) + BigInt(padded.readUInt32LE(16 * vector + 4 * lane))) % 2n ** 32n
      words[first + 4 + lane] = (at(first + 4 + lane) + at(first + lane)) % 2n ** 32n
    }
  }
  let folded = BigInt(bytes.length)
  for (const word of words) {
    folded = ((folded ^ word) * 0x9e3779b1n) % 2n ** 32n
    folded ^= folded >> 15n
  }
  return Number(folded)
}

const some = (length: number, into: Buffer = Buffer.alloc(length)): Buffer => {
  for (let at = 0; at < length; at++) into[at] = (at * 167 + (at >> 3) * 59 + length) % 256
  return into
}

const lengths = [0, 1, 3, 4, 15, 16, 63, 64, 65, 127, 128, 255, 256, 257, 4095, 4096, 65_537, 131_071]

describe("the checksum of a payload", () => {
  it("is what the document says", () => {
    for (const length of lengths)
      assert.strictEqual(Sum.of(some(length), 0, length), defined(some(length)), `${length}`)
    // The values of docs/extension.md.
    assert.strictEqual(Sum.of(Buffer.alloc(0), 0, 0), 0x9e8e_8764)
    assert.strictEqual(Sum.of(Buffer.from("LTTng"), 0, 5), 0x88b1_ab3d)
  })

  it("is the same by vector instructions, wherever the payload lies", () => {
    const memory = allocate(256 * 1024)
    assert.isDefined(memory)
    for (const length of lengths) {
      for (const from of [0, 1, 24, 63]) {
        some(length, memory?.subarray(from))
        const found = checksums.payload(memory as Buffer, from, from + length)
        assert.strictEqual(found, Sum.of(some(length), 0, length), `${length} bytes at ${from}`)
      }
    }
  })

  it("is another one after any single change of a byte, and of the length", () => {
    const bytes = some(300)
    const sum = Sum.of(bytes, 0, 300)
    for (let at = 0; at < 300; at++) {
      for (const change of [1, 0x80, 0xff]) {
        bytes[at] = (bytes[at] as number) ^ change
        assert.notStrictEqual(Sum.of(bytes, 0, 300), sum)
        bytes[at] = (bytes[at] as number) ^ change
      }
    }
    assert.notStrictEqual(Sum.of(Buffer.alloc(5), 0, 5), Sum.of(Buffer.alloc(6), 0, 6))
  })
})
