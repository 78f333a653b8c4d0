/**
 * The newest records of a journal, in memory: appended one behind the other, written to its segments, and where the
 * link keeps up, sent from here without being read back. Plain code.
 */
import { headBytes, seal } from "../../protocol/journal/Record.ts"
import { checksums } from "./Checksums.ts"
import type { Chunk, Chunks } from "./Chunks.ts"
import type { Segment } from "./Segment.ts"

/** Larger writes cost hardly less for each byte. */
const muchBytes = 192 * 1024

export interface Part {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
}

const nothing: Part = { bytes: Buffer.alloc(0), from: 0, to: 0 }

export class Tail {
  readonly #memory: Chunks
  /** The oldest first. */
  readonly #chunks: Array<Chunk> = []
  /** Records are added to this one only. Undefined: it was given back. */
  #newest: Chunk | undefined
  /** A reader has all before, and reads on from here: what is written is kept for it, and not read back. */
  isFollowed = false

  constructor(memory: Chunks, isParted: () => boolean = () => false) {
    this.#memory = memory
    this.#isParted = isParted
  }
  /** What comes next belongs together with what came before. */
  readonly #isParted: () => boolean

  /** What comes next begins a chunk, and with it a segment if the one before is full. */
  turn(): void {
    const newest = this.#newest
    this.#isTurning = newest !== undefined && (newest.isWithin || newest.segment !== undefined)
  }
  #isTurning = false

  /** The payload is `one`, then `two`; both may change after the call. */
  append(number: number, kind: number, connection: number, one: Part = nothing, two: Part = nothing): void {
    const byteCount = one.to - one.from + two.to - two.from
    const size = headBytes + byteCount
    const chunk = this.#withRoom(size, number)
    const { bytes, filled: at } = chunk
    one.bytes.copy(bytes, at + headBytes, one.from, one.to)
    two.bytes.copy(bytes, at + headBytes + one.to - one.from, two.from, two.to)
    seal(bytes, at, { number, byteCount, kind, connection }, checksums)
    chunk.filled += size
    chunk.last = number
    this.#memory.unwrittenBytes += size
  }

  /** Appends `from[at, to)`, which is a record already; `first`: the lowest number that it could have had. */
  add(first: number, number: number, from: Buffer, at: number, to: number): void {
    const size = to - at
    const chunk = this.#withRoom(size, first)
    from.copy(chunk.bytes, chunk.filled, at, to)
    chunk.filled += size
    chunk.last = number
    this.#memory.unwrittenBytes += size
  }

  #withRoom(size: number, number: number): Chunk {
    const newest = this.#newest
    if (newest !== undefined && !this.#isTurning && newest.filled + size <= newest.bytes.length) return newest
    this.#isTurning = false
    // If a chunk was filled up, much is coming.
    const chunk = this.#memory.take(size, newest !== undefined)
    chunk.begin(number, this.#isParted())
    this.#chunks.push(chunk)
    this.#newest = chunk
    return chunk
  }

  /** So much is not written that it is worth a write. */
  get isMuch(): boolean {
    const chunk = this.unwritten
    return chunk !== undefined && (chunk !== this.#newest || chunk.filled - chunk.written >= muchBytes)
  }

  /** The oldest chunk with something to write. */
  get unwritten(): Chunk | undefined {
    for (const chunk of this.#chunks) if (chunk.written < chunk.filled) return chunk
    return undefined
  }

  /** `chunk` is in its segment up to `to`, which ends with record `last`. */
  wrote(chunk: Chunk, to: number, last: number): void {
    this.#memory.unwrittenBytes -= to - chunk.written
    chunk.written = to
    chunk.lastWritten = last
    this.#settle(chunk)
  }

  /** The chunk with what lies at `offset` of `segment`, if it is in memory. It is lent until `release`. */
  lend(segment: Segment, offset: number): Chunk | undefined {
    for (const chunk of this.#chunks) {
      const at = offset - chunk.offset
      if (chunk.segment !== segment || at < 0 || at >= chunk.written) continue
      chunk.lentCount++
      chunk.taken = chunk.written
      return chunk
    }
    return undefined
  }

  /** Adds nothing more to the segment's chunks. False: not possible, something of them is not written. */
  leave(segment: Segment): boolean {
    if (this.#chunks.some((chunk) => chunk.segment === segment && chunk.written < chunk.filled)) return false
    if (this.#newest?.segment === segment) this.#newest = undefined
    return true
  }

  /** Something of the segment is in memory. */
  isOf(segment: Segment): boolean {
    return this.#chunks.some((chunk) => chunk.segment === segment)
  }

  release(chunk: Chunk): void {
    chunk.lentCount--
    this.#settle(chunk)
  }

  /** Drops what is not written. */
  drop(): void {
    for (const chunk of this.#chunks) {
      this.#memory.unwrittenBytes -= chunk.filled - chunk.written
      chunk.filled = chunk.written
    }
    this.unfollow()
  }

  /** The reader is gone: written chunks are given back. */
  unfollow(): void {
    this.isFollowed = false
    for (const chunk of [...this.#chunks]) this.#settle(chunk)
  }

  #settle(chunk: Chunk): void {
    if (chunk.lentCount > 0 || chunk.written < chunk.filled) return
    if (chunk.taken < chunk.filled && this.isFollowed && this.#memory.mayKeep) return
    const at = this.#chunks.indexOf(chunk)
    if (at < 0) return
    this.#chunks.splice(at, 1)
    if (chunk === this.#newest) this.#newest = undefined
    this.#memory.giveBack(chunk)
  }
}
