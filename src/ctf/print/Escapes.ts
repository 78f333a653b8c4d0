/** Quotes bytes of text as babeltrace2 does. Bytes that are not ASCII are written as they are, valid UTF-8 or not. */
import { harmless } from "../../errors/Harmless.ts"
import * as RawText from "../model/RawText.ts"
import { Bytes, encoded } from "./Bytes.ts"
import * as Quoting from "./Quoting.ts"

const letters: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  27: "\\e",
  34: '\\"',
  39: "\\'",
  63: "\\?",
  92: "\\\\"
}

export const quoting = Quoting.make((byte) => {
  const isControl = byte < 0x20 || byte === 0x7f
  return letters[byte] ?? (isControl ? `\\x${byte.toString(16).padStart(2, "0")}` : undefined)
})

/**
 * The same for a terminal: babeltrace2 leaves control characters beyond ASCII, marks that turn the writing direction
 * and bytes that are no UTF-8 as they are, and the first of these act as an escape does.
 */
export const harmlessly: Quoting.Quoting = {
  isPlain: quoting.isPlain.map((isPlain, byte) => (byte < 0x80 ? isPlain : 0)),
  write: (out, bytes, from, to) => {
    if (Quoting.isAscii(bytes, from, to)) return quoting.write(out, bytes, from, to)
    const own = new Bytes(2 * (to - from))
    quoting.write(own, bytes, from, to)
    const text = encoded(harmless(RawText.decode(own.bytes.subarray(0, own.at))))
    out.reserve(text.length)
    out.bytes.set(text, out.at)
    out.at += text.length
  }
}
