/** Metadata as stored: packets in either byte order, padding, text, clocks of CTF 1.8 and 2. */
import { assert, describe, it } from "@effect/vitest"
import * as Metadata from "../../src/ctf/Metadata.ts"

const packetOf = (text: string, packetBytes: number, order: "le" | "be"): Buffer => {
  const bytes = Buffer.alloc(packetBytes)
  const u32 = (value: number, at: number) =>
    order === "le" ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)
  u32(0x75d11d57, 0)
  u32((37 + text.length) * 8, 24)
  u32(packetBytes * 8, 28)
  bytes[35] = 1
  bytes[36] = 8
  bytes.write(text, 37)
  return bytes
}

describe("metadata", () => {
  it.each(["le", "be"] as const)("splits packets and tells their padding apart (%s)", (order) => {
    const bytes = Buffer.concat([packetOf("one", 4096, order), packetOf("two!", 64, order)])
    const parts = Metadata.parts(bytes)
    assert.deepStrictEqual(
      parts.map((part) => [part.bytes.length, part.paddingBytes]),
      [
        [40, 4056],
        [41, 23]
      ]
    )
    assert.strictEqual(Metadata.text(bytes), "onetwo!")
  })

  it("sends a padding that is not zero as it is", () => {
    const bytes = packetOf("x", 50, "le")
    bytes[49] = 7
    assert.deepStrictEqual(Metadata.parts(bytes), [{ bytes, paddingBytes: 0 }])
  })

  it("text without packets is one part", () => {
    const bytes = Buffer.from("/* CTF 1.8 */\n")
    assert.deepStrictEqual(Metadata.parts(bytes), [{ bytes, paddingBytes: 0 }])
    assert.strictEqual(Metadata.text(bytes), "/* CTF 1.8 */\n")
  })

  it("a packet cut short is kept as a rest, not lost", () => {
    const whole = packetOf("one", 64, "le")
    const cut = packetOf("two", 64, "le").subarray(0, 50)
    const parts = Metadata.parts(Buffer.concat([whole, cut]))
    assert.deepStrictEqual(
      parts.map((part) => part.bytes.length + part.paddingBytes),
      [64, 50]
    )
  })

  it("reads the clock of TSDL and of CTF 2", () => {
    const tsdl = 'clock {\n name = "monotonic";\n freq = 1000000000; /* Hz */\n offset = 1795231200000000007;\n};'
    assert.deepStrictEqual(Metadata.clock(tsdl), { frequency: 1_000_000_000n, offsetNanos: 1_795_231_200_000_000_007n })
    const ctf2 =
      '\u001e{"type":"preamble","version":2}\u001e{"type":"clock-class","id":"c","frequency":2000000000,' +
      '"offset-from-origin":{"seconds":3,"cycles":4}}'
    assert.deepStrictEqual(Metadata.clock(ctf2), { frequency: 2_000_000_000n, offsetNanos: 3_000_000_002n })
    assert.isUndefined(Metadata.clock("trace { major = 1; };"))
  })

  it("cycles become nanoseconds since the epoch", () => {
    assert.strictEqual(Metadata.toNanos({ frequency: 2_000_000_000n, offsetNanos: 5n }, 100n), 55n)
    assert.strictEqual(Metadata.toNanos(undefined, 100n), 100n)
  })
})
