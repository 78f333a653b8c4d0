/** Output as bytes in one growing buffer: numbers are written digit by digit, names are bytes already. */

import type { Int } from "../decode/Cursor.ts"
import * as RawText from "../model/RawText.ts"

const initialBytes = 256 * 1024
/** Beyond, a call costs less than a loop. */
const shortBytesMax = 20
const billion = 1_000_000_000
const digitZero = 48

export const encoded = (text: string): Uint8Array => RawText.encode(text)

/** "00" … "99". */
const pairs = new Uint8Array(200)
for (let i = 0; i < 100; i++) {
  pairs[i * 2] = digitZero + Math.floor(i / 10)
  pairs[i * 2 + 1] = digitZero + (i % 10)
}

/** Of a number below 10⁹. */
const digitCount = (value: number): number => {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  return value < 100_000_000 ? (value < 10_000_000 ? 7 : 8) : 9
}

/** Bytes that are being written, in memory that grows as needed and is used again. */
export class Bytes {
  bytes: Buffer
  at = 0

  constructor(initial: number = initialBytes) {
    this.bytes = Buffer.allocUnsafe(initial)
  }

  /** Room for so many more bytes. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + count))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }

  /** Appends one byte. */
  byte(value: number): void {
    if (this.at === this.bytes.length) this.reserve(1)
    this.bytes[this.at++] = value
  }

  /** Appends bytes as they are. */
  write(piece: Uint8Array): void {
    const { length } = piece
    if (this.at + length > this.bytes.length) this.reserve(length)
    if (length > shortBytesMax) {
      this.bytes.set(piece, this.at)
    } else {
      const { at, bytes } = this
      for (let i = 0; i < length; i++) bytes[at + i] = piece[i] as number
    }
    this.at += length
  }

  /** Appends text of ASCII only, which is not checked. */
  ascii(text: string): void {
    const { length } = text
    this.reserve(length)
    for (let i = 0; i < length; i++) this.bytes[this.at + i] = text.charCodeAt(i)
    this.at += length
  }

  /** Appends text as UTF-8. */
  text(text: string): void {
    this.reserve(text.length * 3)
    this.at += this.bytes.write(text, this.at)
  }

  /** Appends an integer in decimal digits. */
  int(value: Int): void {
    if (typeof value === "number") this.#number(value)
    else this.ascii(value.toString())
  }

  #number(value: number): void {
    let left = value
    if (left < 0) {
      this.byte(0x2d)
      left = -left
    }
    this.reserve(18)
    if (left < billion) {
      this.#digits(left)
      return
    }
    const high = Math.floor(left / billion)
    this.#digits(high)
    this.#nine(left - high * billion)
  }

  /** Below 10⁹. */
  #digits(value: number): void {
    const { bytes } = this
    let left = value | 0
    let at = this.at + digitCount(left)
    this.at = at
    while (left >= 10) {
      const rest = (left / 100) | 0
      const pair = (left - rest * 100) * 2
      bytes[--at] = pairs[pair + 1] as number
      bytes[--at] = pairs[pair] as number
      if (left < 100) return
      left = rest
    }
    bytes[--at] = digitZero + left
  }

  #nine(value: number): void {
    const { bytes } = this
    let left = value | 0
    let at = this.at + 9
    this.at = at
    for (let i = 0; i < 4; i++) {
      const rest = (left / 100) | 0
      const pair = (left - rest * 100) * 2
      bytes[--at] = pairs[pair + 1] as number
      bytes[--at] = pairs[pair] as number
      left = rest
    }
    bytes[--at] = digitZero + left
  }

  /** Nine digits with zeroes in front, of a number below 10⁹. */
  nine(value: number): void {
    this.reserve(9)
    this.#nine(value)
  }

  /** Forgets what was written; the memory stays. */
  clear(): void {
    this.at = 0
  }

  /** True until the next write. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.at)
  }

  /** What was written, in memory of its own. */
  copy(): Uint8Array {
    return new Uint8Array(this.written)
  }
}
