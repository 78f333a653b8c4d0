/** Writes bytes in quotes, some of them replaced; the others as they are, valid UTF-8 or not. */
import { type Bytes, encoded } from "./Bytes.ts"

const quote = 0x22

/** How text is quoted. */
export interface Quoting {
  /** By byte: 1 if it is written as it is, which a zero never is. */
  readonly isPlain: Uint8Array
  /** Appends `bytes[from, to)` in quotes. */
  readonly write: (out: Bytes, bytes: Uint8Array, from: number, to: number) => void
}

export const isAscii = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if ((bytes[i] as number) >= 0x80) return false
  return true
}

/** `replacementOf` says what is written for a byte; undefined: the byte itself. */
export const make = (replacementOf: (byte: number) => string | undefined): Quoting => {
  const replacements = Array.from({ length: 256 }, (_, byte) => replacementOf(byte))
  const isPlain = Uint8Array.from(replacements, (text) => (text === undefined ? 1 : 0))
  const escapes = replacements.map((text) => encoded(text ?? ""))
  const escapeSizeMax = Math.max(...escapes.map(({ length }) => length))
  const write = (out: Bytes, bytes: Uint8Array, from: number, to: number): void => {
    out.reserve((to - from) * escapeSizeMax + 2)
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
  return { isPlain, write }
}
