/**
 * Packs records for the wire by Zstandard, if the relay unpacks and if that is quicker than sending them as they are.
 */
import { Effect, Semaphore } from "effect"
import { clockMillis } from "../../Machine.ts"
import { headBytes, Kind, packedHeadBytes, seal } from "../../protocol/journal/Record.ts"
import { checksums } from "../journal/Checksums.ts"
import type { Chunks } from "../journal/Chunks.ts"
import type { LinkRate } from "./LinkRate.ts"
import { Loan } from "./Loan.ts"
import { Zstandard } from "./Zstandard.ts"

export const modes = ["auto", "on", "off"] as const
export type Mode = (typeof modes)[number]

/** Fewer bytes are not worth packing. */
const byteCountMin = 512

/** This part of earlier measurements is forgotten with each new one. */
const forgotten = 1 / 8

/** If packing is not worth it, one record of so many is packed all the same, to see whether it is now. */
const probeEvery = 64

const blended = (before: number | undefined, now: number) =>
  before === undefined ? now : before + (now - before) * forgotten

/** A packed record, lent until `release`. */
export interface Packed {
  readonly bytes: Buffer
  readonly loan: Loan
}

/** Packs the records of one journal, while it has a connection. */
export class Packing {
  readonly #mode: Mode
  readonly #memory: Chunks
  readonly #link: LinkRate
  /** Speed of packing, bytes a millisecond; undefined: not measured yet. */
  #packRate: number | undefined
  /** Packed size divided by size. */
  #share: number | undefined
  #count = 0

  constructor(mode: Mode, memory: Chunks, link: LinkRate) {
    this.#mode = mode
    this.#memory = memory
    this.#link = link
  }

  /** Whether to pack what is sent next; to be asked once for it. `isLimited`: saving bytes matters more than time. */
  isWorth(byteCount: number, isLimited: boolean): boolean {
    if (this.#mode === "off" || byteCount < byteCountMin) return false
    if (this.#mode === "on") return true
    const linkRate = this.#link.slow
    if (!isLimited && linkRate === undefined) return false
    if (this.#share === undefined || this.#count++ % probeEvery === 0) return true
    if (isLimited || linkRate === undefined) return this.#share < 0.95
    return linkRate < (this.#packRate ?? 0) * (1 - this.#share)
  }

  /** Packs `bytes[from, to)`, which ends with record `last`, into one record; undefined: it would be no shorter. */
  pack(bytes: Buffer, from: number, to: number, last: number): Effect.Effect<Packed | undefined> {
    const byteCount = to - from
    return Effect.map(turns.withPermits(1)(compressed(bytes.subarray(from, to))), ({ millis, pieces }) => {
      const packedBytes = pieces?.reduce((sum, { length }) => sum + length, 0) ?? byteCount
      this.#packRate = blended(this.#packRate, byteCount / Math.max(millis, 0.01))
      this.#share = blended(this.#share, packedBytes / byteCount)
      const isShorter = pieces !== undefined && packedBytes < byteCount
      return isShorter ? this.#record(pieces, packedBytes, byteCount, last) : undefined
    })
  }

  #record(pieces: ReadonlyArray<Buffer>, packedBytes: number, unpackedBytes: number, last: number): Packed {
    const byteCount = packedHeadBytes + packedBytes
    const chunk = this.#memory.take(headBytes + byteCount, false)
    const record = chunk.bytes.subarray(0, headBytes + byteCount)
    record.writeUInt32BE(unpackedBytes, headBytes)
    let at = headBytes + packedHeadBytes
    for (const piece of pieces) at += piece.copy(record, at)
    seal(record, 0, { number: last, byteCount, kind: Kind.packed, connection: 0 }, checksums)
    return { bytes: record, loan: new Loan(() => this.#memory.giveBack(chunk)) }
  }
}

/** Packed at a time over all journals, each on a thread of zlib's. */
const turnCount = 2
const turns = Semaphore.makeUnsafe(turnCount)
const idle = Array.from({ length: turnCount }, () => new Zstandard())

interface Compressed {
  /** Undefined: it failed. */
  readonly pieces: ReadonlyArray<Buffer> | undefined
  readonly millis: number
}

const compressed = (bytes: Buffer): Effect.Effect<Compressed> =>
  Effect.uninterruptible(
    Effect.callback<Compressed>((resume) => {
      const begun = clockMillis()
      const zstandard = idle.pop() as Zstandard
      zstandard.frame(bytes, (pieces) => {
        idle.push(zstandard)
        resume(Effect.succeed({ pieces, millis: clockMillis() - begun }))
      })
    })
  )
