/**
 * Readers of fixed-length and variable-length numbers at a cursor. Each aligns, checks that its bits are there, and
 * moves on. Whole aligned bytes are read as such; everything else as bits, in the bit order of its field (§6.3).
 */
import type { Float, Integer } from "../model/FieldClass.ts"
import { align, type Cursor, type Int, joined, judged, narrowed } from "./Cursor.ts"
import { Fault, short } from "./Fault.ts"

export type ReadInt = (cursor: Cursor) => Int
export type Bits = Pick<Integer, "size" | "alignment" | "byteOrder" | "isReversed">

const little = 1
const big = 2

/** So many bits, wherever they begin, lie within six bytes, whose value is exact in a double. */
const narrowMax = 41

const narrowBits = (cursor: Cursor, size: number, isLittle: boolean): number => {
  const { at, bytes } = cursor
  const first = at >> 3
  const shift = at & 7
  const count = (shift + size + 7) >> 3
  let value = 0
  if (isLittle) {
    for (let i = count - 1; i >= 0; i--) value = value * 256 + (bytes[first + i] as number)
    value = Math.floor(value / 2 ** shift)
  } else {
    for (let i = 0; i < count; i++) value = value * 256 + (bytes[first + i] as number)
    value = Math.floor(value / 2 ** (count * 8 - shift - size))
  }
  return value % 2 ** size
}

const wideBits = (cursor: Cursor, size: number, isLittle: boolean): bigint => {
  const { at, bytes } = cursor
  const first = at >> 3
  const shift = at & 7
  const count = (shift + size + 7) >> 3
  let value = 0n
  if (isLittle) {
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[first + i] as number)
    value >>= BigInt(shift)
  } else {
    for (let i = 0; i < count; i++) value = (value << 8n) | BigInt(bytes[first + i] as number)
    value >>= BigInt(count * 8 - shift - size)
  }
  return BigInt.asUintN(size, value)
}

const reversed = (value: Int, size: number): Int => {
  let left = BigInt(value)
  let result = 0n
  for (let i = 0; i < size; i++) {
    result = (result << 1n) | (left & 1n)
    left >>= 1n
  }
  return narrowed(result)
}

const signed = (value: Int, size: number): Int => {
  if (size <= 53 && typeof value === "number") return value >= 2 ** (size - 1) ? value - 2 ** size : value
  return narrowed(BigInt.asIntN(size, BigInt(value)))
}

/** Checks that a bit field is there, and that it does not change the byte order within a byte. */
const enter = (cursor: Cursor, size: number, order: number): void => {
  if (cursor.at + size > cursor.end) throw short
  if ((cursor.at & 7) !== 0 && cursor.order !== order && cursor.order !== judged) {
    throw new Fault("byte-order-change", "the byte order changes inside of a byte")
  }
}

const anyBits = (fieldClass: Bits, isSigned: boolean): ReadInt => {
  const { alignment, isReversed, size } = fieldClass
  const isLittle = fieldClass.byteOrder === "little-endian"
  const order = isLittle ? little : big
  return (cursor) => {
    align(cursor, alignment)
    enter(cursor, size, order)
    let value: Int = size <= narrowMax ? narrowBits(cursor, size, isLittle) : narrowed(wideBits(cursor, size, isLittle))
    if (isReversed) value = reversed(value, size)
    cursor.at += size
    cursor.order = order
    return isSigned ? signed(value, size) : value
  }
}

export type ReadBytes = (view: DataView, at: number) => Int

const byteReads: Readonly<Record<string, ReadBytes>> = {
  "8u": (view, at) => view.getUint8(at),
  "8s": (view, at) => view.getInt8(at),
  "16ul": (view, at) => view.getUint16(at, true),
  "16ub": (view, at) => view.getUint16(at, false),
  "16sl": (view, at) => view.getInt16(at, true),
  "16sb": (view, at) => view.getInt16(at, false),
  "32ul": (view, at) => view.getUint32(at, true),
  "32ub": (view, at) => view.getUint32(at, false),
  "32sl": (view, at) => view.getInt32(at, true),
  "32sb": (view, at) => view.getInt32(at, false),
  "64ul": (view, at) => joined(view.getUint32(at + 4, true), view.getUint32(at, true)),
  "64ub": (view, at) => joined(view.getUint32(at, false), view.getUint32(at + 4, false)),
  "64sl": (view, at) => joined(view.getInt32(at + 4, true), view.getUint32(at, true)),
  "64sb": (view, at) => joined(view.getInt32(at, false), view.getUint32(at + 4, false))
}

/** Whether the field is in whole aligned bytes, in their natural order. */
export const isBytes = ({ alignment, isReversed, size }: Bits): boolean =>
  alignment >= 8 && !isReversed && (size === 8 || size === 16 || size === 32 || size === 64)

/** Reads a field for which `isBytes` holds, at a byte. */
export const bytesRead = ({ byteOrder, size }: Bits, isSigned: boolean): ReadBytes => {
  const order = size === 8 ? "" : byteOrder === "little-endian" ? "l" : "b"
  return byteReads[`${size}${isSigned ? "s" : "u"}${order}`] as ReadBytes
}

export const fixed = (fieldClass: Bits, isSigned: boolean): ReadInt => {
  if (!isBytes(fieldClass)) return anyBits(fieldClass, isSigned)
  const { alignment, size } = fieldClass
  const read = bytesRead(fieldClass, isSigned)
  return (cursor) => {
    align(cursor, alignment)
    const at = cursor.at
    if (at + size > cursor.end) throw short
    cursor.at = at + size
    return read(cursor.view, at >> 3)
  }
}

/** Whether the tenth byte is valid. It has the last of 64 bits: the sign in all its bits or, unsigned, a 1. */
const isLastByte = (byte: number, isSigned: boolean): boolean => (isSigned ? byte === 0 || byte === 0x7f : byte === 1)

const lastByteIndex = 9

/** Reads LEB128. */
export const variable = (isSigned: boolean): ReadInt => {
  return (cursor) => {
    align(cursor, 8)
    let value = 0n
    for (let index = 0; ; index++) {
      if (cursor.at + 8 > cursor.end) throw short
      const byte = cursor.bytes[cursor.at >> 3] as number
      cursor.at += 8
      value |= BigInt(byte & 0x7f) << BigInt(7 * index)
      if (index === lastByteIndex && !isLastByte(byte, isSigned)) break
      if (byte < 0x80) return narrowed(isSigned ? BigInt.asIntN(Math.min(7 * (index + 1), 64), value) : value)
    }
    throw new Fault("varint-too-long", "a variable-length integer of more than 64 bits")
  }
}

export type ReadFloat = (cursor: Cursor) => number

const scratch = new DataView(new ArrayBuffer(8))

/** The sign bit of the last float read. */
export let isFloatNegative = false

export const float = (fieldClass: Float): ReadFloat => {
  const read = fixed(fieldClass, false)
  const { size } = fieldClass
  return (cursor) => {
    const bits = read(cursor)
    if (size === 32) {
      scratch.setUint32(0, bits as number)
      isFloatNegative = (scratch.getUint8(0) & 0x80) !== 0
      return scratch.getFloat32(0)
    }
    scratch.setBigUint64(0, BigInt(bits))
    isFloatNegative = (scratch.getUint8(0) & 0x80) !== 0
    return scratch.getFloat64(0)
  }
}
