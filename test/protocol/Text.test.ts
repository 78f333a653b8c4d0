/** Names that are any bytes: read without loss, written as they came. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { printable } from "../../src/protocol/Printable.ts"
import * as Text from "../../src/protocol/Text.ts"

/** Whole characters, halves of them, and what looks like one but is none; any sequence of them. */
const pieces = Schema.Array(
  Schema.Literals([
    "00",
    "61",
    "c3a9",
    "e282ac",
    "f09f9880",
    "efbbbf",
    "edb2af",
    "80",
    "bf",
    "c3",
    "e2",
    "e282",
    "f09f98",
    "ff",
    "c080",
    "e08080",
    "eda080",
    "f0808080",
    "f4908080"
  ])
)

describe("Text", () => {
  it.prop("is the bytes again", [pieces], ([hex]) => {
    const given = Uint8Array.from(Buffer.from(hex.join(""), "hex"))
    const text = Text.textOf(given)
    assert.isTrue(Text.hasBytes(text))
    assert.deepStrictEqual(Uint8Array.from(Text.bytesOf(text)), given)
    const path = Text.pathOf(text)
    assert.deepStrictEqual(Uint8Array.from(Buffer.from(path)), given)
  })

  it.prop("is UTF-8 where the bytes are", [Schema.String], ([any]) => {
    const text = any.toWellFormed()
    assert.strictEqual(Text.textOf(new TextEncoder().encode(text)), text)
    assert.strictEqual(printable(text), text)
  })

  it("shows a byte that is no character as such", () => {
    assert.strictEqual(printable(Text.textOf(Buffer.from("caf\xe9 \xf0\x9f", "latin1"))), "caf\\xe9 \\xf0\\x9f")
  })

  it("has no bytes for half a surrogate pair", () => {
    assert.isFalse(Text.hasBytes("\ud83d"))
    assert.isFalse(Text.hasBytes("a\udc00"))
  })
})
