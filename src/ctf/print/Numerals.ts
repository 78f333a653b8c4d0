/** Numbers as C prints them: `%g`, and integers in the bases of babeltrace2. */
import { highOf, type Int, lowOf } from "../decode/Cursor.ts"
import type { DisplayBase } from "../model/FieldClass.ts"
import type { Bytes } from "./Bytes.ts"

/** `%g` of a double. `isNegative`: its sign, which the value of a NaN does not have. */
export const general = (value: number, isNegative: boolean): string => {
  if (Number.isNaN(value)) return isNegative ? "-nan" : "nan"
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf"
  if (value === 0) return isNegative ? "-0" : "0"
  const exponential = sixDigits(value)
  const at = exponential.indexOf("e")
  const exponent = Number(exponential.slice(at + 1))
  if (exponent >= -4 && exponent < 6) return trimmed(Number(exponential).toFixed(5 - exponent))
  const digits = Math.abs(exponent)
  return `${trimmed(exponential.slice(0, at))}e${exponent < 0 ? "-" : "+"}${digits < 10 ? "0" : ""}${digits}`
}

/** Six significant digits. Halfway between two numbers JavaScript rounds up, C to the even digit. */
const sixDigits = (value: number): string => {
  const up = value.toExponential(5)
  const exact = value.toExponential(24)
  const [, kept = "", last = ""] = /^(-?\d\.\d{4}(\d))50*e/.exec(exact) ?? []
  return kept !== "" && Number(last) % 2 === 0 ? kept + exact.slice(exact.indexOf("e")) : up
}

const trimmed = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text)

/** The value as an unsigned number of `bits` bits. */
const masked = (value: Int, bits: number): Int =>
  value < 0 ? BigInt.asUintN(Math.min(bits, 64), BigInt(value)) : value

export type WriteInt = (out: Bytes, value: Int) => void

const hexDigits = Uint8Array.from("0123456789ABCDEF", (digit) => digit.charCodeAt(0))

/** Writes `0x…` at index `from`, for a number in two halves of 32 bits; answers the index after it. */
export const hexHalves = (bytes: Uint8Array, from: number, high: number, low: number): number => {
  const count = high === 0 ? Math.max(1, (35 - Math.clz32(low)) >> 2) : (67 - Math.clz32(high)) >> 2
  bytes[from] = 0x30
  bytes[from + 1] = 0x78
  let at = from + 2
  for (let digit = count - 1; digit >= 0; digit--) {
    const half = digit >= 8 ? high : low
    bytes[at++] = hexDigits[(half >>> ((digit & 7) * 4)) & 15] as number
  }
  return at
}

const hex = (out: Bytes, value: Int): void => {
  out.reserve(18)
  out.at = hexHalves(out.bytes, out.at, highOf(value) | 0, lowOf(value) | 0)
}

/** Makes the writer of integers in the base that a field class asks for; `bits` is the size of the field. */
export const integer = (base: DisplayBase, bits: number): WriteInt => {
  switch (base) {
    case 16:
      return (out, value) => hex(out, masked(value, Math.ceil(bits / 4) * 4))
    case 8:
      return (out, value) => {
        out.ascii(`0${masked(value, Math.ceil(bits / 3) * 3).toString(8)}`)
      }
    case 2:
      return (out, value) => out.ascii(`0b${masked(value, bits).toString(2).padStart(bits, "0")}`)
    default:
      return (out, value) => out.int(value)
  }
}
