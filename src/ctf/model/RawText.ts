/**
 * Text of metadata that may not be valid UTF-8, as with names from other tracers: a byte that is not becomes a lone
 * surrogate (U+DC80 to U+DCFF), so that it can be printed as it was.
 */

const whole = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const more = "[\\x80-\\xbf]"
/** In bytes as characters of latin1: runs of multi-byte UTF-8 (first group), and single bytes that are not UTF-8. */
const sequences = new RegExp(
  [
    `((?:[\\xc2-\\xdf]${more}`,
    `\\xe0[\\xa0-\\xbf]${more}`,
    `[\\xe1-\\xec\\xee\\xef]${more}{2}`,
    `\\xed[\\x80-\\x9f]${more}`,
    `\\xf0[\\x90-\\xbf]${more}{2}`,
    `[\\xf1-\\xf3]${more}{3}`,
    `\\xf4[\\x80-\\x8f]${more}{2})+)`,
    "[\\x80-\\xff]"
  ].join("|"),
  "g"
)

/** The text of bytes. */
export const decode = (bytes: Uint8Array): string => {
  try {
    return whole.decode(bytes)
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      .toString("latin1")
      .replace(sequences, (found, valid?: string) =>
        valid === undefined
          ? String.fromCharCode(0xdc00 + found.charCodeAt(0))
          : whole.decode(Buffer.from(valid, "latin1"))
      )
  }
}

/** How many bytes at the end begin a character that is not complete. */
export const openBytes = (bytes: Uint8Array): number => {
  for (let count = 1; count <= 3 && count <= bytes.length; count++) {
    const byte = bytes[bytes.length - count] as number
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > count ? count : 0
  }
  return 0
}

/** The bytes of a text. */
export const encode = (text: string): Uint8Array => {
  if (text.isWellFormed()) return Buffer.from(text)
  const parts = text.split(/([\udc80-\udcff]+)/u)
  return Buffer.concat(
    parts.map((part, at) =>
      at % 2 === 0 ? Buffer.from(part) : Uint8Array.from(part, (byte) => byte.charCodeAt(0) - 0xdc00)
    )
  )
}
