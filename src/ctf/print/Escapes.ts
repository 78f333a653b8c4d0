/** Bytes of text in quotes: as babeltrace2 escapes them. What is no ASCII goes through as it is, valid UTF-8 or not. */
import type { Bytes } from "./Bytes.ts"
import { encoded } from "./Bytes.ts"

const quote = 0x22

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

const isPlain = new Uint8Array(256)
const escapes = Array.from({ length: 256 }, (_, byte) => {
  const letter = letters[byte]
  if (letter !== undefined) return encoded(letter)
  if (byte < 0x20 || byte === 0x7f) return encoded(`\\x${byte.toString(16).padStart(2, "0")}`)
  isPlain[byte] = 1
  return Uint8Array.of(byte)
})

export const quoted = (out: Bytes, bytes: Uint8Array, from: number, to: number): void => {
  out.reserve((to - from) * 4 + 2)
  const target = out.bytes
  let at = out.at
  target[at++] = quote
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number
    if (isPlain[byte] === 1) {
      target[at++] = byte
    } else {
      const replacement = escapes[byte] as Uint8Array
      for (let k = 0; k < replacement.length; k++) target[at++] = replacement[k] as number
    }
  }
  target[at++] = quote
  out.at = at
}
