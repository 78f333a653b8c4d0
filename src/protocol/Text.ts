/**
 * Names as text, without loss. A name on the wire or on a disk is bytes: mostly UTF-8, in some places Latin-1 or
 * anything else, and the reference takes them all. A byte that is no UTF-8 reads as the lone surrogate U+DC00 + byte,
 * which UTF-8 cannot produce, and is written as that byte again: bytes → text → bytes is the identity.
 */
import { escapeBase, escapes } from "./Printable.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

/** Bytes of the character at `at`; 0 where none begins (Unicode, table 3-7). */
const characterLength = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at] as number
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  for (let index = 1; index < length; index++) if (!isContinuation(bytes[at + index])) return 0
  const second = bytes[at + 1] as number
  const isOverlong = (lead === 0xe0 && second < 0xa0) || (lead === 0xf0 && second < 0x90)
  const isBeyond = (lead === 0xed && second > 0x9f) || (lead === 0xf4 && second > 0x8f)
  return isOverlong || isBeyond ? 0 : length
}

const escaped = (bytes: Uint8Array): string => {
  let text = ""
  for (let at = 0; at < bytes.length; ) {
    let end = at
    for (let length = 1; length > 0 && end < bytes.length; end += length) length = characterLength(bytes, end)
    text += decoder.decode(bytes.subarray(at, end))
    for (at = end; at < bytes.length && characterLength(bytes, at) === 0; at++)
      text += String.fromCharCode(escapeBase + (bytes[at] as number))
  }
  return text
}

/** The text of any bytes. */
export const textOf = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    return escaped(bytes)
  }
}

/** The bytes that `textOf` reads as `text`. */
export const bytesOf = (text: string): Uint8Array => {
  if (text.isWellFormed()) return encoder.encode(text)
  const parts: Array<Uint8Array> = []
  let from = 0
  for (const { index } of text.matchAll(escapes)) {
    parts.push(encoder.encode(text.slice(from, index)), Uint8Array.of(text.charCodeAt(index) - escapeBase))
    from = index + 1
  }
  parts.push(encoder.encode(text.slice(from)))
  return Buffer.concat(parts)
}

/** Writes as many whole characters as fit at the beginning of `into`; answers how many bytes they are. */
export const writeInto = (text: string, into: Uint8Array): number => {
  if (text.isWellFormed()) return encoder.encodeInto(text, into).written
  const bytes = bytesOf(text).subarray(0, into.length)
  into.set(bytes)
  return bytes.length
}

/** Whether `bytesOf` has bytes for every part of it: no lone surrogate but those that stand for bytes. */
export const hasBytes = (text: string): boolean => text.isWellFormed() || text.replace(escapes, "").isWellFormed()

/** A path as the system's calls take it: as bytes if it has some that are not UTF-8. */
export const pathOf = (text: string): string | Buffer => (text.isWellFormed() ? text : Buffer.from(bytesOf(text)))
