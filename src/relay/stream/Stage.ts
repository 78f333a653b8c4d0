/**
 * What one stream writes between two steps: bytes of one data file, and index records.
 *
 * All bytes are written before any record, so an index record never points past written bytes.
 */
import { type Deferred, Effect } from "effect"
import { type Account, Block, blockBytes } from "../../memory/Blocks.ts"
import { type BesideWrite, besidePieceCountMax, type Piece } from "../../memory/Piece.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { Progress } from "./Durability.ts"

/** Blocks written by one system call at most: 1 MiB keeps a thread of the pool busy for well under a millisecond. */
const writeBlockCountMax = 16
/** Padding is filled into blocks up to this; the rest of a longer run is written from shared zeros. */
const inlineZerosMax = blockBytes
const zeros = Buffer.alloc(blockBytes)
/** Fewer bytes are copied rather than held where they landed: each held piece is a write of its own. */
const heldBytesMin = 16 * 1024

/** Where bytes and records go. */
export interface Sink {
  readonly append: (buffers: ReadonlyArray<Uint8Array>, byteCount: number) => Effect.Effect<void, FileFailed>
  /** Whether `appendNow` may do something: the file keeps nobody waiting just now (`storage/Promptness`). */
  readonly isImmediate: boolean
  /** See `OpenFile.isNear`. */
  readonly isNear: boolean
  /** Whether `appendBeside` may do something: there is another thread, and a processor for it. */
  readonly hasBeside: boolean
  /** Whether what `appendBeside` is given now would be written soon. */
  readonly hasBesideRoom: boolean
  /** Writes what it can of `bytes[from, to)` in this call, and answers how many bytes that were. */
  readonly appendNow: (bytes: Uint8Array, from: number, to: number) => number
  /** See `OpenFile.writeBeside`; nothing else may be appended before it is settled. */
  readonly appendBeside: (pieces: ReadonlyArray<Piece>, onDone: () => void) => BesideWrite | undefined
}

export type Step = Effect.Effect<void, FileFailed>

/** Index records of one file, one after the other. */
interface Records {
  readonly sink: Sink
  readonly block: Block
}

export class Stage {
  /** The file that all bytes of the stage go to. */
  dataSink: Sink | undefined
  /** Pieces of bytes, and lengths of runs of zeros, in order. What is written is taken out. */
  readonly #data: Array<Piece | number> = []
  /** The first pieces of `#data`, while another thread writes them. */
  #beside: BesideWrite | undefined
  #isBesideDone = false
  #besideBytes = 0
  /** The other thread wrote less than it was given. The rest is written here, where the error shows. */
  #isBesideShort = false
  readonly #records: Array<Records> = []
  /** Run when all bytes and records are written. */
  readonly steps: Array<{ readonly run: Step; readonly isCleanup: boolean }> = []
  /** Answered when the stage is done, with the log's failure if there is one. */
  readonly waiters: Array<Deferred.Deferred<void, FileFailed>> = []
  /** How far the stream has come with this stage; set when it is sealed. */
  progress: Progress | undefined
  /** Whether files and names are to be synced once all is written. */
  wantsSync = false

  /** There is something to do. */
  get isPending(): boolean {
    return this.#data.length + this.#records.length + this.steps.length + this.waiters.length > 0 || this.wantsSync
  }

  /** Adds `bytes[from, to)`: holds them where they landed, if they are many and written soon; else copies them. */
  add(bytes: Buffer, from: number, to: number, account: Account): void {
    if (to - from >= heldBytesMin && this.dataSink?.isImmediate === true) {
      const held = account.hold(bytes, from, to)
      if (held !== undefined) {
        this.#data.push(held)
        return
      }
    }
    let at = from
    while (at < to) {
      const block = this.#room(account, to - at)
      const count = Math.min(to - at, block.bytes.length - block.to)
      bytes.copy(block.bytes, block.to, at, at + count)
      block.to += count
      at += count
    }
  }

  addZeros(count: number, account: Account): void {
    // Even the longest run costs its connection a block: no work for the disk is queued without being accounted for.
    let left = Math.min(count, inlineZerosMax)
    while (left > 0) {
      const block = this.#room(account, left)
      const filled = Math.min(left, block.bytes.length - block.to)
      block.bytes.fill(0, block.to, block.to + filled)
      block.to += filled
      left -= filled
    }
    if (count > inlineZerosMax) this.#data.push(count - inlineZerosMax)
  }

  /** Adds one index record: `offset`, then the fields at `fields[at, at + fieldBytes)`. */
  addRecord(sink: Sink, offset: number, fields: Buffer, at: number, fieldBytes: number, account: Account): void {
    const size = 8 + fieldBytes
    let records = this.#records.at(-1)
    if (records?.sink !== sink || records.block.to + size > records.block.bytes.length) {
      records = { sink, block: account.pool.take(account, records === undefined ? size : blockBytes) }
      this.#records.push(records)
    }
    const { block } = records
    block.bytes.writeUInt32BE(Math.floor(offset / 0x1_0000_0000), block.to)
    block.bytes.writeUInt32BE(offset >>> 0, block.to + 4)
    fields.copy(block.bytes, block.to + 8, at, at + fieldBytes)
    block.to += size
  }

  /** A block with room. The first of a stage may be small; a stream that brings more than one packet gets full ones. */
  #room(account: Account, byteCount: number): Block {
    const last = this.#data.at(-1)
    if (last instanceof Block && !last.isFull) return last
    const block = account.pool.take(account, last === undefined ? byteCount : blockBytes)
    this.#data.push(block)
    return block
  }

  // ---- writing in this call --------------------------------------------------------------------------------------

  /** Writes bytes and records, as far as they can be written now. True: all of them were. */
  writeNow(): boolean {
    return this.writeDataNow() && this.#writeRecordsNow()
  }

  /** Writes the bytes as far as they can be written now. True: all of them were. */
  writeDataNow(): boolean {
    this.settle()
    const sink = this.dataSink
    let count = 0
    while (count < this.#data.length && sink !== undefined) {
      const piece = this.#data[count] as Piece | number
      if (typeof piece === "number" || !appendWhole(sink, piece)) break
      count++
    }
    // Released last: a connection that waited for memory may add to this stage at once.
    for (const piece of this.#data.splice(0, count)) (piece as Piece).release()
    if (this.#data.length > 0) return false
    this.#isBesideShort = false
    return true
  }

  /** To be called when all bytes are written. */
  #writeRecordsNow(): boolean {
    let count = 0
    for (const { sink, block } of this.#records) {
      if (!appendWhole(sink, block)) break
      count++
    }
    for (const { block } of this.#records.splice(0, count)) block.release()
    return this.#records.length === 0
  }

  // ---- writing by another thread ---------------------------------------------------------------------------------

  /** Another thread was given bytes, and that is not settled yet. */
  get isBeside(): boolean {
    return this.#beside !== undefined
  }

  /** The other thread has said that it is done; what it wrote is taken out by `settle`. */
  get isBesideDone(): boolean {
    return this.#isBesideDone
  }

  /** The other thread has not begun: it may be busy with another device, and `settle` would write here instead. */
  get isBesideWaiting(): boolean {
    return this.#beside?.isBegun === false
  }

  /** Gives the pieces that are held where they landed to another thread. False: there are none, or it takes none. */
  writeDataBeside(onDone: () => void): boolean {
    if (this.#beside !== undefined) return true
    if (this.#isBesideShort) return false
    const isOther = (piece: Piece | number) => typeof piece === "number" || piece instanceof Block
    const end = this.#data.findIndex(isOther)
    const pieces = this.#data.slice(0, Math.min(end < 0 ? this.#data.length : end, besidePieceCountMax))
    if (pieces.length === 0) return false
    this.#isBesideDone = false
    const told = () => {
      this.#isBesideDone = true
      onDone()
    }
    this.#besideBytes = (pieces as Array<Piece>).reduce((sum, { from, to }) => sum + to - from, 0)
    this.#beside = this.dataSink?.appendBeside(pieces as Array<Piece>, told)
    return this.#beside !== undefined
  }

  /** Ends the other thread's write now, and takes out what it has written. */
  settle(): void {
    const beside = this.#beside
    if (beside === undefined) return
    this.#beside = undefined
    let count = 0
    const writtenBytes = beside.settle()
    this.#isBesideShort = writtenBytes < this.#besideBytes
    for (let left = writtenBytes; left > 0; ) {
      const piece = this.#data[count] as Piece
      const taken = Math.min(left, piece.to - piece.from)
      piece.from += taken
      left -= taken
      if (piece.from === piece.to) count++
    }
    for (const piece of this.#data.splice(0, count)) (piece as Piece).release()
  }

  // ---- writing by the stream's fiber -----------------------------------------------------------------------------

  /** Writes what `writeNow` could not. */
  get write(): Step {
    if (this.#data.length === 0) return this.#writeRecords
    const data = this.#writeData(0)
    return this.#records.length === 0 ? data : Effect.andThen(data, this.#writeRecords)
  }

  #writeData(from: number): Step {
    return Effect.suspend(() => {
      const first = this.#data[from]
      if (first === undefined) return Effect.void
      const buffers: Array<Uint8Array> = []
      let byteCount = 0
      let next = from
      if (typeof first === "number") {
        byteCount = Math.min(first, zeros.length * writeBlockCountMax)
        for (let left = byteCount; left > 0; left -= zeros.length) {
          buffers.push(left < zeros.length ? zeros.subarray(0, left) : zeros)
        }
        if (byteCount === first) next++
        else this.#data[from] = first - byteCount
      } else {
        for (; next < this.#data.length && next - from < writeBlockCountMax; next++) {
          const piece = this.#data[next] as Piece | number
          if (typeof piece === "number") break
          buffers.push(filled(piece))
          byteCount += piece.to - piece.from
        }
      }
      const write = (this.dataSink as Sink).append(buffers, byteCount)
      return next < this.#data.length ? Effect.andThen(write, this.#writeData(next)) : write
    })
  }

  get #writeRecords(): Step {
    return Effect.forEach(this.#records, ({ sink, block }) => sink.append([filled(block)], block.to - block.from), {
      discard: true
    })
  }

  releaseMemory(): void {
    this.settle()
    for (const piece of this.#data.splice(0)) if (typeof piece !== "number") piece.release()
    for (const { block } of this.#records.splice(0)) block.release()
  }
}

const filled = ({ bytes, from, to }: Piece): Uint8Array =>
  to - from === bytes.length ? bytes : bytes.subarray(from, to)

/** Writes `piece` as far as it can be written now; false: a rest is left in it. */
const appendWhole = (sink: Sink, piece: Piece): boolean => {
  piece.from += sink.appendNow(piece.bytes, piece.from, piece.to)
  return piece.from === piece.to
}
