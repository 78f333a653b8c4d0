/** Output as bytes in one growing buffer: numbers are written digit by digit, names are bytes already. */
import type { Int } from "../decode/Cursor.ts"
import { roundUp } from "../decode/Layout.ts"
import * as RawText from "../model/RawText.ts"
import * as Piece from "./Piece.ts"

const initialBytes = 256 * 1024
const wordBytes = 4
const billion = 1_000_000_000
/** Three digits `0`. */
const digitsZero = 0x30_30_30

export const encoded = (text: string): Uint8Array => RawText.encode(text)

/** "000" … "999", each in a word of which three bytes count; and the same without zeroes in front. */
const triples = new Int32Array(1000)
const shorts = new Int32Array(1000)
for (let i = 0; i < 1000; i++) {
  const word = (Math.floor(i / 100) | ((Math.floor(i / 10) % 10) << 8) | ((i % 10) << 16)) + digitsZero
  triples[i] = word
  shorts[i] = i < 10 ? word >> 16 : i < 100 ? word >> 8 : word
}

/** A thousandth, rounded down, of a number below 2³¹: the double is a little above 0.001, by less than could matter. */
const thousandth = (value: number): number => (value * 0.001) | 0

/** Writes a number below a thousand in decimal at index `from`; answers the index after it. */
const few = (view: DataView, from: number, value: number): number => {
  view.setInt32(from, shorts[value] as number, true)
  return from + (value < 10 ? 1 : value < 100 ? 2 : 3)
}

/**
 * Writes a number below 2³¹ in decimal at index `from`; answers the index after it. There must be room for two words
 * more: whole words are written, so bytes after the digits are overwritten.
 */
export const digits = (view: DataView, from: number, value: number): number => {
  if (value < 1000) return few(view, from, value)
  const rest = thousandth(value)
  const at = rest < 1000 ? few(view, from, rest) : digits(view, from, rest)
  view.setInt32(at, triples[value - rest * 1000] as number, true)
  return at + 3
}

/** Bytes that are being written, in memory that grows as needed and is used again. */
export class Bytes {
  bytes: Buffer
  /** A view of the same memory. */
  view: DataView
  /** Bytes of that memory: reading a number of our own is faster. */
  size: number
  /** How many bytes were written. */
  at = 0

  constructor(initial: number = initialBytes) {
    this.size = roundUp(initial, wordBytes)
    this.bytes = Buffer.allocUnsafeSlow(this.size)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes room for so many more bytes. */
  reserve(count: number): void {
    if (this.at + count <= this.size) return
    this.size = roundUp(Math.max(this.size * 2, this.at + count), wordBytes)
    const larger = Buffer.allocUnsafeSlow(this.size)
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }

  /** Appends one byte. */
  byte(value: number): void {
    if (this.at === this.size) this.reserve(1)
    this.bytes[this.at++] = value
  }

  /** Appends a piece. */
  write({ length, words }: Piece.Piece): void {
    if (length === 0) return
    if (this.at + length + wordBytes > this.size) this.reserve(length + wordBytes)
    Piece.copy(words, 0, length, this.view, this.at)
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

  /** Writes a number below 10⁹, for which there must be room. */
  #digits(value: number): void {
    this.at = digits(this.view, this.at, value | 0)
  }

  #nine(value: number): void {
    const { at, view } = this
    const thousands = thousandth(value | 0)
    const millions = thousandth(thousands)
    this.at = at + 9
    view.setInt32(at, triples[millions] as number, true)
    view.setInt32(at + 3, triples[thousands - millions * 1000] as number, true)
    view.setInt32(at + 6, triples[value - thousands * 1000] as number, true)
  }

  /** Appends a number below 10⁹ as nine digits, with zeroes in front. */
  nine(value: number): void {
    this.reserve(9 + wordBytes)
    this.#nine(value)
  }

  /** Appends a piece, then a number below 10⁹ as nine digits. */
  stamp(piece: Piece.Piece, value: number): void {
    this.write(piece)
    this.nine(value)
  }

  /** Forgets what was written; the memory stays. */
  clear(): void {
    this.at = 0
  }

  /** What was written: a view, valid until the next write. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.at)
  }

  /** A copy of what was written, to be written again. */
  piece(): Piece.Piece {
    return new Piece.Piece(this.written)
  }
}
