/** Writes text as JSON: valid UTF-8 as it is; only what JSON demands is escaped. */
import { type Bytes, encoded } from "./Bytes.ts"
import * as Quoting from "./Quoting.ts"

/** Quotes valid UTF-8. */
const escaping = Quoting.make((byte) => {
  const text = JSON.stringify(String.fromCharCode(byte)).slice(1, -1)
  return text.length === 1 ? undefined : text
})

/** Appends `bytes[from, to)` as a string. Ill-formed UTF-8 is given twice: as readable text, and exactly, in base64. */
export const region = (out: Bytes, bytes: Uint8Array, from: number, to: number): void => {
  if (Quoting.isAscii(bytes, from, to)) {
    escaping.write(out, bytes, from, to)
    return
  }
  const part = Buffer.from(bytes.subarray(from, to))
  const decoded = part.toString()
  if (!decoded.includes("\ufffd") || Buffer.from(decoded).equals(part)) {
    escaping.write(out, bytes, from, to)
    return
  }
  out.ascii('{"text":')
  text(out, decoded)
  out.ascii(`,"base64":"${part.toString("base64")}"}`)
}

const isPlain = escaping.isPlain.map((plain, byte) => (byte < 0x80 ? plain : 0))

export const quoting: Quoting.Quoting = { isPlain, write: region }

/** Appends a text as a string. Bytes in it that were not UTF-8 (`RawText`) become U+FFFD. */
export const text = (out: Bytes, value: string): void => {
  const bytes = encoded(value.toWellFormed())
  escaping.write(out, bytes, 0, bytes.length)
}

/** The same, as a text. */
export const quoted = (name: string): string => JSON.stringify(name.toWellFormed())
