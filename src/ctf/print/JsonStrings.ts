/** Text as JSON: bytes go through as they are where they are valid UTF-8; only what JSON demands is escaped. */
import { type Bytes, encoded } from "./Bytes.ts"
import * as Quoting from "./Quoting.ts"

/** Of valid UTF-8. */
const escaping = Quoting.make((byte) => {
  const text = JSON.stringify(String.fromCharCode(byte)).slice(1, -1)
  return byte >= 0x80 || text.length === 1 ? undefined : text
})

const isAscii = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if ((bytes[i] as number) >= 0x80) return false
  return true
}

/** What is no UTF-8 is given twice: as text for eyes, and without loss. */
export const region = (out: Bytes, bytes: Uint8Array, from: number, to: number): void => {
  if (isAscii(bytes, from, to)) {
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

/** What is no UTF-8 in it is shown as such, and lost. */
export const text = (out: Bytes, value: string): void => {
  const bytes = encoded(value.toWellFormed())
  escaping.write(out, bytes, 0, bytes.length)
}

/** The same as a text. */
export const quoted = (name: string): string => JSON.stringify(name.toWellFormed())
