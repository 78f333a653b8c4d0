/** Output as bytes in one growing buffer: numbers are written digit by digit, names are bytes already. */

import type { Int } from "../decode/Cursor.ts"
import { roundUp } from "../decode/Layout.ts"
import * as RawText from "../model/RawText.ts"
import * as Piece from "./Piece.ts"

const initialBytes = 256 * 1024
const wordBytes = 4
const billion = 1_000_000_000
const digitZero = 48

export const encoded = (text: string): Uint8Array => RawText.encode(text)

/** "000" … "999". */
const triples = new Uint8Array(3000)
for (let i = 0; i < 1000; i++) {
  triples[i * 3] = digitZero + Math.floor(i / 100)
  triples[i * 3 + 1] = digitZero + (Math.floor(i / 10) % 10)
  triples[i * 3 + 2] = digitZero + (i % 10)
}

/** A thousandth, rounded down, of a number below 2³¹: the double is a little above 0.001, by less than could matter. */
const thousandth = (value: number): number => (value * 0.001) | 0

const triple = (bytes: Uint8Array, at: number, value: number): void => {
  const from = value * 3
  bytes[at] = triples[from] as number
  bytes[at + 1] = triples[from + 1] as number
  bytes[at + 2] = triples[from + 2] as number
}

/** Of a number below 2³¹. */
const digitCount = (value: number): number => {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  return value < 100_000_000 ? (value < 10_000_000 ? 7 : 8) : value < billion ? 9 : 10
}

/** In decimal, of a number below 2³¹, from a place on; gives the place after it. */
export const digits = (bytes: Uint8Array, from: number, value: number): number => {
  const end = from + digitCount(value)
  let left = value
  let at = end
  while (left >= 1000) {
    const rest = thousandth(left)
    at -= 3
    triple(bytes, at, left - rest * 1000)
    left = rest
  }
  const first = left * 3
  if (left >= 100) bytes[at - 3] = triples[first] as number
  if (left >= 10) bytes[at - 2] = triples[first + 1] as number
  bytes[at - 1] = triples[first + 2] as number
  return end
}

/** Bytes that are being written, in memory that grows as needed and is used again. */
export class Bytes {
  bytes: Buffer
  /** The same memory. */
  words: Int32Array
  at = 0

  constructor(initial: number = initialBytes) {
    this.bytes = Buffer.allocUnsafeSlow(roundUp(initial, wordBytes))
    this.words = new Int32Array(this.bytes.buffer)
  }

  /** Room for so many more bytes. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(roundUp(Math.max(this.bytes.length * 2, this.at + count), wordBytes))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
    this.words = new Int32Array(larger.buffer)
  }

  /** Appends one byte. */
  byte(value: number): void {
    if (this.at === this.bytes.length) this.reserve(1)
    this.bytes[this.at++] = value
  }

  /** Appends bytes as they are. */
  write({ length, words }: Piece.Piece): void {
    if (length === 0) return
    if (this.at + length + wordBytes > this.bytes.length) this.reserve(length + wordBytes)
    Piece.copy(words, 0, length, this.words, this.at)
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
    this.at = digits(this.bytes, this.at, value | 0)
  }

  #nine(value: number): void {
    const { at, bytes } = this
    const thousands = thousandth(value | 0)
    const millions = thousandth(thousands)
    this.at = at + 9
    triple(bytes, at, millions)
    triple(bytes, at + 3, thousands - millions * 1000)
    triple(bytes, at + 6, value - thousands * 1000)
  }

  /** Nine digits with zeroes in front, of a number below 10⁹. */
  nine(value: number): void {
    this.reserve(9)
    this.#nine(value)
  }

  /** Bytes as they are, then nine digits. */
  stamp(piece: Piece.Piece, value: number): void {
    this.write(piece)
    this.nine(value)
  }

  /** Forgets what was written; the memory stays. */
  clear(): void {
    this.at = 0
  }

  /** True until the next write. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.at)
  }

  /** What was written, to be written again. */
  piece(): Piece.Piece {
    return new Piece.Piece(this.written)
  }
}
