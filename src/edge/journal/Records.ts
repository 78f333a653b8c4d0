/** Goes through the records of a file. Bytes that are no record are passed over. */
import { Effect } from "effect"
import { headBytes, isHead, offsets, payloadBytesMax } from "../../protocol/journal/Record.ts"
import type { FileFailed, OpenFile } from "../../storage/Files.ts"
import { checksums } from "./Checksums.ts"

/** No record is longer. */
export const recordBytesMax = headBytes + payloadBytesMax

/** Zeros are no record, as numbers begin with 1. Power loss leaves long runs of them: they are passed over quickly. */
const isUnnumbered = (bytes: Buffer, at: number): boolean =>
  bytes.readUInt32BE(at) === 0 && bytes.readUInt32BE(at + 4) === 0

/** The record is `bytes[at, at + size)`, and those bytes are at `offset` of the file. */
export type Each = (bytes: Buffer, at: number, size: number, offset: number) => void

/**
 * Calls `each` for the records in `byteCount` bytes, and does `after` behind every read into `window`, which holds the
 * longest. Answers how many bytes there are.
 */
export const walk = (
  file: OpenFile,
  byteCount: number,
  window: Buffer,
  each: Each,
  after: Effect.Effect<void, FileFailed> = Effect.void
): Effect.Effect<number, FileFailed> =>
  Effect.gen(function* () {
    for (let offset = 0; ; ) {
      const bytes = window.subarray(0, Math.min(window.length, byteCount - offset))
      const count = yield* file.read(bytes, offset)
      let at = 0
      while (at + headBytes <= count) {
        if (isUnnumbered(bytes, at) || !isHead(bytes, at, checksums)) {
          at++
          continue
        }
        const size = headBytes + bytes.readUInt32BE(at + offsets.byteCount)
        if (at + size > count) break
        each(bytes, at, size, offset)
        at += size
      }
      yield* after
      if (at === 0 || count < window.length || offset + at >= byteCount) return offset + count
      offset += at
    }
  })
