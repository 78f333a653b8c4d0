/**
 * Fields as they are printed, in a table that one loop goes through: a piece of text, then a value, in turn. There is a
 * table for each class of event records, but one function for all of them, which is compiled once; closures for each
 * field are many functions, of which each has to become warm. Rare fields are left to closures.
 *
 * A record is printed after its end was found: all of it is there, and what fields refer to is known.
 */
import { type Cursor, type Int, joined } from "../decode/Cursor.ts"
import { zeroIn } from "../decode/Regions.ts"
import { type Bytes, digits } from "./Bytes.ts"
import type { Write } from "./Fields.ts"
import * as Numerals from "./Numerals.ts"
import * as Piece from "./Piece.ts"
import type { Quoting } from "./Quoting.ts"

/** Kinds of steps: what follows the piece. Here the program ends. */
export const stop = 0
/** A closure, by its index. */
export const closure = 1
/** Text up to a zero. */
export const text = 2
/** Text in a fixed number of bytes, of which those before the first zero are shown. */
export const characters = 3
/** Integers of 8, 16, 32 and 64 bits: how they are shown, and 1 for little-endian. */
export const integer8 = 4
export const integer16 = 5
export const integer32 = 6
export const integer64 = 7

/** How an integer is shown. */
export const unsigned = 0
export const signed = 1
export const hex = 2

/** Numbers in one step: its kind, alignment less one, index and length of the piece, and two operands. */
const stepLength = 6
/** Bytes of the longest integer, and of a word that is written beyond the end of a piece. */
export const valueBytesMax = 24
const quote = 0x22

export interface Program {
  readonly code: ReadonlyArray<number>
  /** The words of all pieces, one after the other. */
  readonly words: ReadonlyArray<number>
  readonly closures: ReadonlyArray<Write>
  readonly quoting: Quoting
  /** Writes integers that are not small. */
  readonly int: (out: Bytes, value: Int) => void
  /** How much is written at most, without texts and what closures write. */
  readonly bytesMax: number
}

/** Prints an integer; answers the bit after it. */
const integer = ({ code, int }: Program, step: number, { view }: Cursor, b: number, out: Bytes): number => {
  const what = code[step] as number
  const how = code[step + 4] as number
  const isLittle = code[step + 5] === 1
  const place = b >> 3
  let low: number
  let high: number
  if (what === integer32) {
    low = view.getInt32(place, isLittle)
    high = how === signed ? low >> 31 : 0
  } else if (what === integer64) {
    low = view.getInt32(isLittle ? place : place + 4, isLittle)
    high = view.getInt32(isLittle ? place + 4 : place, isLittle)
  } else if (what === integer16) {
    low = how === signed ? view.getInt16(place, isLittle) : view.getUint16(place, isLittle)
    high = low >> 31
  } else {
    low = how === signed ? view.getInt8(place) : view.getUint8(place)
    high = low >> 31
  }
  if (how === hex) out.at = Numerals.hexHalves(out.bytes, out.at, high, low)
  else if (high === 0 && low >= 0) out.at = digits(out.view, out.at, low)
  else int(out, joined(how === signed ? high : high >>> 0, low >>> 0))
  return b + (8 << (what - integer8))
}

/** Prints bytes up to a zero, or those of an array; answers the bit after them. */
const string = (program: Program, step: number, { bytes, end, view }: Cursor, b: number, out: Bytes): number => {
  const { bytesMax, code, quoting } = program
  const { isPlain, write } = quoting
  const isLimited = code[step] === characters
  const first = b >> 3
  const last = isLimited ? first + (code[step + 4] as number) : end >> 3
  const target = out.bytes
  let at = out.at
  const most = first + out.size - bytesMax - at
  const room = last < most ? last : most
  let place = first
  target[at++] = quote
  let byte = 0
  for (; place < room; place++) {
    byte = bytes[place] as number
    if (isPlain[byte] !== 1) break
    target[at++] = byte
  }
  if (place === last || (place < room && byte === 0)) {
    target[at++] = quote
    out.at = at
  } else {
    place = zeroIn(bytes, view, place, last)
    write(out, bytes, first, place)
    out.reserve(bytesMax)
  }
  return (isLimited ? last : place + 1) * 8
}

/** Prints the fields that begin at bit `from` of the cursor's window. */
export const run = (program: Program, cursor: Cursor, from: number, out: Bytes): void => {
  const { bytesMax, closures, code, words } = program
  let b = from
  out.reserve(bytesMax)
  for (let step = 0; ; step += stepLength) {
    const length = code[step + 3] as number
    if (length > 0) {
      Piece.copy(words, code[step + 2] as number, length, out.view, out.at)
      out.at += length
    }
    const mask = code[step + 1] as number
    b = (b + mask) & ~mask
    const what = code[step] as number
    if (what >= integer8) {
      b = integer(program, step, cursor, b, out)
    } else if (what >= text) {
      b = string(program, step, cursor, b, out)
    } else if (what === closure) {
      cursor.at = b
      ;(closures[code[step + 4] as number] as Write)(cursor, out)
      b = cursor.at
      out.reserve(bytesMax)
    } else {
      return
    }
  }
}
