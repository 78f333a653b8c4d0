/** Bytes of a packet that are one value: text and blobs. Reading one finds its first byte and its end, and moves on. */
import type { Encoding, FieldClass } from "../model/FieldClass.ts"
import { align, type Cursor } from "./Cursor.ts"
import * as Encodings from "./Encodings.ts"
import { short } from "./Fault.ts"
import * as Length from "./Length.ts"
import type { Slots } from "./Slots.ts"

export type RegionClass = Extract<
  FieldClass,
  { readonly kind: "string" | "static-string" | "dynamic-string" | "static-blob" | "dynamic-blob" }
>

/** The bytes `[from, to)` of the window. */
export interface Region {
  from: number
  to: number
}

export type ReadRegion = (cursor: Cursor, region: Region) => void

/** Beyond this many bytes a search is quicker in native code. */
const nativeBytesMin = 128

/** Index of the first zero in `[from, to)`, or `to`. `view` shows the same memory as `bytes`. */
export const zeroIn = (bytes: Uint8Array, view: DataView, from: number, to: number): number => {
  const near = Math.min(to, from + nativeBytesMin)
  let at = from
  while (at + 4 <= near) {
    const four = view.getInt32(at, true)
    // True if one of its bytes is zero.
    if (((four - 0x01010101) & ~four & -0x7f7f7f80) !== 0) break
    at += 4
  }
  while (at < near && bytes[at] !== 0) at++
  if (at < near || near === to) return at
  const found = bytes.indexOf(0, near)
  return found === -1 || found > to ? to : found
}

const unitBytes = (encoding: Encoding): number => (encoding === "utf-8" ? 1 : encoding.startsWith("utf-16") ? 2 : 4)

/** Index of the first code unit of `unit` bytes in `[from, to)` that is zero, or `to`. */
const zeroUnitIn = ({ bytes, view }: Cursor, from: number, to: number, unit: number): number => {
  if (unit === 1) return zeroIn(bytes, view, from, to)
  for (let at = from; at + unit <= to; at += unit) {
    let isZero = true
    for (let i = 0; i < unit; i++) if (bytes[at + i] !== 0) isZero = false
    if (isZero) return at
  }
  return to
}

const terminated = (unit: number): ReadRegion => {
  return (cursor, region) => {
    align(cursor, 8)
    const from = cursor.at >> 3
    const end = cursor.end >> 3
    const to = zeroUnitIn(cursor, from, end, unit)
    if (to + unit > end) throw short
    region.from = from
    region.to = to
    cursor.at = (to + unit) * 8
  }
}

const take = (cursor: Cursor, region: Region, bytes: number, unit: number): void => {
  const to = cursor.at + bytes * 8
  if (to > cursor.end) throw short
  region.from = cursor.at >> 3
  region.to = unit === 0 ? to / 8 : zeroUnitIn(cursor, region.from, to / 8, unit)
  cursor.at = to
}

/** A reader of the bytes as they are, for callers that decode them and so find out whether they are text. */
export const bytesOf = (fieldClass: RegionClass, slots: Slots): ReadRegion => {
  const unit = "encoding" in fieldClass ? unitBytes(fieldClass.encoding) : 0
  if (fieldClass.kind === "string") return terminated(unit)
  const lengthOf = Length.of(fieldClass.length, 8, 8, slots)
  return (cursor, into) => take(cursor, into, lengthOf(cursor), unit)
}

export type TextClass = RegionClass & { readonly encoding: Encoding }

const scratch: Region = { from: 0, to: 0 }

/** A reader of text. Throws for ill-formed UTF-16 and UTF-32. */
export const text = (fieldClass: TextClass, slots: Slots): ((cursor: Cursor) => string) => {
  const read = bytesOf(fieldClass, slots)
  const { encoding } = fieldClass
  return (cursor) => {
    read(cursor, scratch)
    return Encodings.text(cursor.bytes, scratch.from, scratch.to, encoding)
  }
}

/** A reader that also throws for ill-formed UTF-16 and UTF-32. UTF-8 is not checked. */
export const region = (fieldClass: RegionClass, slots: Slots): ReadRegion => {
  const read = bytesOf(fieldClass, slots)
  if (!("encoding" in fieldClass) || fieldClass.encoding === "utf-8") return read
  const { encoding } = fieldClass
  return (cursor, into) => {
    read(cursor, into)
    Encodings.text(cursor.bytes, into.from, into.to, encoding)
  }
}
