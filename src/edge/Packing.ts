/**
 * Records packed for the wire: by Zstandard, where the relay unpacks, and where that is quicker than to send them as
 * they are.
 */
import { constants, zstdCompress } from "node:zlib"
import { Effect, Semaphore } from "effect"
import { clockMillis } from "../Machine.ts"
import { headBytes, Kind, packedHeadBytes, seal } from "../protocol/journal/Record.ts"
import { checksums } from "./Checksums.ts"

export const modes = ["auto", "on", "off"] as const
export type Mode = (typeof modes)[number]

/** Less is not worth it. */
const byteCountMin = 512

/** Of what is measured, so much is forgotten with each measurement. */
const forgotten = 1 / 8

/** Where it is not worth it, one of so many is packed, to see whether it is now. */
const probeEvery = 64

/** What is sent at once says nothing of the link. */
const sampleBytesMin = 32 * 1024

/** Bytes a millisecond: none packs as quickly. */
const packRateMax = 400 * 1024

/** Tables no larger than what is packed, and one way to another thread and back for each piece of the frame. */
const optionsOf = (byteCount: number) => ({
  params: { [constants.ZSTD_c_compressionLevel]: 3 },
  pledgedSrcSize: byteCount,
  chunkSize: Math.min(pieceBytesMax, byteCount + frameBytes)
})
const pieceBytesMax = 128 * 1024
/** More than a frame has beside what could not be packed. */
const frameBytes = 1024

const blended = (before: number | undefined, now: number) =>
  before === undefined ? now : before + (now - before) * forgotten

/** Of one journal, while it has a connection. */
export class Packing {
  readonly #mode: Mode
  /** Of what was sent lately: a moment in which the system takes all says little beside one in which it does not. */
  #linkBytes = 0
  #linkMillis = 0
  /** Bytes a millisecond; undefined: not measured yet. */
  #packRate: number | undefined
  /** Packed size by size. */
  #share: number | undefined
  #count = 0

  constructor(mode: Mode) {
    this.#mode = mode
  }

  /** So much was sent: after so long there was room for more. */
  sent(byteCount: number, millis: number): void {
    if (byteCount < sampleBytesMin) return
    this.#linkBytes = this.#linkBytes * (1 - forgotten) + byteCount
    this.#linkMillis = this.#linkMillis * (1 - forgotten) + Math.max(millis, 0.05)
  }

  /** To be asked once for what is to be sent. `isLimited`: bytes are dearer than time. */
  isWorth(byteCount: number, isLimited: boolean): boolean {
    if (this.#mode === "off" || byteCount < byteCountMin) return false
    if (this.#mode === "on") return true
    const linkRate = this.#linkBytes / this.#linkMillis
    if (!(isLimited || linkRate < packRateMax)) return false
    if (this.#share === undefined || this.#count++ % probeEvery === 0) return true
    if (isLimited) return this.#share < 0.95
    return linkRate < (this.#packRate ?? 0) * (1 - this.#share)
  }

  /** The record that `bytes[from, to)`, which ends with record `last`, are packed into; undefined: it is no shorter. */
  pack(bytes: Buffer, from: number, to: number, last: number): Effect.Effect<Buffer | undefined> {
    const byteCount = to - from
    return Effect.map(turns.withPermits(1)(compressed(bytes.subarray(from, to))), ({ frame, millis }) => {
      this.#packRate = blended(this.#packRate, byteCount / Math.max(millis, 0.01))
      this.#share = blended(this.#share, frame === undefined ? 1 : frame.length / byteCount)
      return frame === undefined || frame.length >= byteCount ? undefined : recordOf(frame, byteCount, last)
    })
  }
}

/** Over all journals: what one packs with is some MiB. */
const turns = Semaphore.makeUnsafe(2)

const compressed = (bytes: Buffer) =>
  Effect.uninterruptible(
    Effect.callback<{ readonly frame: Buffer | undefined; readonly millis: number }>((resume) => {
      const begun = clockMillis()
      zstdCompress(bytes, optionsOf(bytes.length), (cause, frame) => {
        resume(Effect.succeed({ frame: cause === null ? frame : undefined, millis: clockMillis() - begun }))
      })
    })
  )

const recordOf = (frame: Buffer, unpackedBytes: number, last: number): Buffer => {
  const byteCount = packedHeadBytes + frame.length
  const record = Buffer.allocUnsafeSlow(headBytes + byteCount)
  record.writeUInt32BE(unpackedBytes, headBytes)
  frame.copy(record, headBytes + packedHeadBytes)
  seal(record, 0, { number: last, byteCount, kind: Kind.packed, connection: 0 }, checksums)
  return record
}
