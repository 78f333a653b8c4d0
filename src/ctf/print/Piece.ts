/**
 * Bytes that are written again and again: names, what stands between fields, times up to the second. They are kept as
 * words of four bytes and written word by word. Before the code is fully optimised, that takes a third of the time of
 * writing byte by byte. The words are plain arrays: a small typed array takes 250 bytes besides what is in it.
 */
import * as RawText from "../model/RawText.ts"

const wordBytes = 4

/** Bytes for `Bytes.write`: made once, written often. Those it is made of may change afterwards. */
export class Piece {
  /** Number of bytes. */
  readonly length: number
  /** Four bytes each, the first in the lowest bits; zeroes follow the last byte. */
  readonly words: ReadonlyArray<number>

  constructor(bytes: Uint8Array) {
    const { length } = bytes
    this.length = length
    const words: Array<number> = []
    for (let i = 0; i < length; i += wordBytes) {
      let word = 0
      for (let j = i; j < i + wordBytes && j < length; j++) word |= (bytes[j] as number) << ((j & 3) * 8)
      words.push(word)
    }
    this.words = words
  }
}

/** The piece of a text. */
export const of = (text: string): Piece => new Piece(RawText.encode(text))

/**
 * Writes a piece of `length` bytes, whose words begin at index `start` of `source`. There must be room for a word more:
 * whole words are written, so up to three bytes after the piece are overwritten.
 */
export const copy = (
  source: ReadonlyArray<number>,
  start: number,
  length: number,
  view: DataView,
  at: number
): void => {
  const end = at + length
  for (let from = start, to = at; to < end; from++, to += wordBytes) view.setInt32(to, source[from] as number, true)
}
