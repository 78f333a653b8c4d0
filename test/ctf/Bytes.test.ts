import { assert, describe, it } from "@effect/vitest"
import { Bytes } from "../../src/ctf/print/Bytes.ts"
import * as Numerals from "../../src/ctf/print/Numerals.ts"
import * as Piece from "../../src/ctf/print/Piece.ts"

const hex = Numerals.integer(16, 64)
const small = Array.from({ length: 12_000 }, (_, i) => i)
const powers = Array.from({ length: 16 }, (_, i) => 10 ** i).flatMap((power) => [power - 1, power, power + 1])
const edges = [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1]
const values = [...small, ...powers, ...edges]

describe("bytes that are written", () => {
  it("an integer is its digits", () => {
    const out = new Bytes()
    for (const value of [...values, ...values.map((one) => -one)]) {
      out.clear()
      out.int(value)
      assert.strictEqual(Buffer.from(out.written).toString(), `${value}`)
    }
  })

  it("nine digits have zeroes in front", () => {
    const out = new Bytes()
    for (const value of values.filter((one) => one >= 0 && one < 1e9)) {
      out.clear()
      out.nine(value)
      assert.strictEqual(Buffer.from(out.written).toString(), String(value).padStart(9, "0"))
    }
  })

  it("whatever is written grows the memory wherever that ends", () => {
    const texts = Array.from({ length: 9 }, (_, length) => "abcdefghi".slice(0, length))
    for (let before = 0; before < 40; before++) {
      for (const text of texts) {
        for (const value of [0, 42, 999, 1000, 123_456_789, 2 ** 53 - 1]) {
          const out = new Bytes(before)
          const start = "x".repeat(before)
          out.ascii(start)
          out.text("ü€")
          hex(out, value)
          out.int(value)
          out.write(Piece.of(text))
          out.nine(value % 1e9)
          const nine = String(value % 1e9).padStart(9, "0")
          assert.strictEqual(
            Buffer.from(out.written).toString(),
            `${start}ü€0x${value.toString(16).toUpperCase()}${value}${text}${nine}`
          )
        }
      }
    }
  })
})
