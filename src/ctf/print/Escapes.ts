/** Quotes bytes of text as babeltrace2 does. Bytes that are not ASCII are written as they are, valid UTF-8 or not. */
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

export const quoted = quoting.write
