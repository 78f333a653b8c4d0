import { assert, describe, it } from "@effect/vitest"
import { zeroIn } from "../../src/ctf/decode/Regions.ts"

/** Bytes around which words of four go wrong: their sign, a carry, a borrow. */
const bytes = [0x01, 0x61, 0x7f, 0x80, 0x81, 0xfe, 0xff]

const zeroAt = (length: number, place: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at === place ? 0 : (bytes[(at * 5 + length) % bytes.length] as number)))

describe("the end of a text", () => {
  it("is its first zero, wherever it begins, as far as the search goes", () => {
    for (let place = 0; place < 300; place++) {
      const text = zeroAt(300, place)
      const view = new DataView(text.buffer)
      for (const from of [0, 1, 2, 3]) {
        for (const to of [place - 1, place, place + 1, 300].filter((end) => end >= from)) {
          const expected = place >= from && place < to ? place : to
          assert.strictEqual(zeroIn(text, view, from, to), expected, `zero at ${place}, from ${from} to ${to}`)
        }
      }
    }
  })
})
