/** The text of an expression that reads an integer, `offset` bits after the bit `b`, which is the first of a byte. */
import type { Integer } from "../model/FieldClass.ts"

/** Not `getUint32`: that stays a call until the runtime's last compiler has optimised it. */
export const unsigned32 = (at: string, isLittle: boolean): string => `(view.getInt32(${at}, ${isLittle}) >>> 0)`

/** Reads 8, 16 or 32 bits in whole bytes. */
export const wholeBytes = ({ byteOrder, isSigned, size }: Integer, offset: number): string => {
  const at = `(b >> 3) + ${offset / 8}`
  return size === 32 && !isSigned
    ? unsigned32(at, byteOrder === "little-endian")
    : `view.get${isSigned ? "Int" : "Uint"}${size}(${at}, ${byteOrder === "little-endian"})`
}

/** Reads bits that lie within four bytes; undefined if they lie in more. */
export const fewBits = ({ byteOrder, isSigned, size }: Integer, offset: number): string | undefined => {
  const isLittle = byteOrder === "little-endian"
  const shift = offset % 8
  const first = (offset - shift) / 8
  const count = Math.ceil((shift + size) / 8)
  if (count > 4) return undefined
  const parts = Array.from({ length: count }, (_, i) => {
    const place = (isLittle ? i : count - 1 - i) * 8
    return `bytes[(b >> 3) + ${first + i}] << ${place}`
  })
  const down = isLittle ? shift : count * 8 - shift - size
  const up = 32 - size
  // Shifts the bits to the top of 32, then down, with the sign or without.
  const toTop = up - down
  const whole = `(${parts.join(" | ")})`
  const top = toTop >= 0 ? `${whole} << ${toTop}` : `${whole} >>> ${-toTop}`
  return `(${top}) ${isSigned ? ">>" : ">>>"} ${up}`
}
