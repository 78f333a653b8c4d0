/**
 * The checksum of a record's payload (docs/extension.md), which is taken of every byte that passes, so it is much
 * quicker than a CRC. Any single damaged word changes it; other damage goes unnoticed with a probability of 2^-32.
 *
 * The payload, with zeros behind it up to a multiple of 64 bytes, is blocks of four vectors of four little-endian
 * words. Four vectors `a`, `b`, `c`, `d`, at first 1, 0, 1, 0 in each word, take them in: `a += v0, b += a, c += v1, d += c,
 * a += v2, b += a, c += v3, d += c`, modulo 2^32. Their sixteen words, and the length before them, are folded into one.
 */
export const blockBytes = 64

/** Sixteen words: the vectors `a`, `b`, `c`, `d`. */
export type State = Int32Array

export const begin = (state: State): void => {
  for (let word = 0; word < 16; word++) state[word] = (word >> 2) % 2 === 0 ? 1 : 0
}

/** Takes in the blocks of `view[from, to)`, which are whole. */
export const add = (state: State, view: DataView, from: number, to: number): void => {
  for (let lane = 0; lane < 4; lane++) addLane(state, view, from + 4 * lane, to, lane)
}

const addLane = (state: State, view: DataView, from: number, to: number, lane: number): void => {
  let a = state[lane] as number
  let b = state[lane + 4] as number
  let c = state[lane + 8] as number
  let d = state[lane + 12] as number
  for (let at = from; at < to; at += blockBytes) {
    a = (a + view.getInt32(at, true)) | 0
    b = (b + a) | 0
    c = (c + view.getInt32(at + 16, true)) | 0
    d = (d + c) | 0
    a = (a + view.getInt32(at + 32, true)) | 0
    b = (b + a) | 0
    c = (c + view.getInt32(at + 48, true)) | 0
    d = (d + c) | 0
  }
  state[lane] = a
  state[lane + 4] = b
  state[lane + 8] = c
  state[lane + 12] = d
}

const block = Buffer.alloc(blockBytes)
const blockView = new DataView(block.buffer, block.byteOffset, blockBytes)

/** Takes in what follows the last whole block: `bytes[from, to)`, less than a block. */
export const addRest = (state: State, bytes: Buffer, from: number, to: number): void => {
  if (from === to) return
  const length = bytes.copy(block, 0, from, to)
  block.fill(0, length)
  add(state, blockView, 0, blockBytes)
}

export const fold = (state: State, byteCount: number): number => {
  let folded = byteCount
  for (let word = 0; word < 16; word++) {
    folded = Math.imul(folded ^ (state[word] as number), 0x9e3779b1)
    folded ^= folded >>> 15
  }
  return folded >>> 0
}

const own = new Int32Array(16)

/** The checksum of `bytes[from, to)`, a u32. */
export const of = (bytes: Buffer, from: number, to: number): number => {
  const rest = to - ((to - from) % blockBytes)
  begin(own)
  if (rest > from) add(own, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), from, rest)
  addRest(own, bytes, rest, to)
  return fold(own, to - from)
}
