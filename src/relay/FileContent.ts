/**
 * A range of a trace file on its way to a viewer: a few hundred KiB are in memory at a time, whatever its length.
 */
import { Effect } from "effect"
import type { TraceFile } from "../storage/FilePool.ts"
import { FileFailed } from "../storage/Files.ts"

/** A read of the disk and a write to the socket; more makes neither faster. */
const pieceBytes = 256 * 1024

export interface Range {
  readonly from: number
  readonly byteCount: number
}

/** Takes one piece; done when there may be another. */
export type TakePiece = (piece: Buffer) => Effect.Effect<void>

const short = new FileFailed({ operation: "read", path: "", code: "short" })

/** Gives `head` and the range to `take`. Fails before the first piece when the file does not hold the range now. */
export const send = (file: TraceFile, range: Range, head: Buffer, take: TakePiece): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const { from, byteCount } = range
    if (byteCount > pieceBytes && (yield* file.read(Buffer.alloc(1), from + byteCount - 1)) === 0) return yield* short
    for (let done = 0; done < byteCount; ) {
      const room = done === 0 ? head.length : 0
      const count = Math.min(pieceBytes, byteCount - done)
      const piece = Buffer.allocUnsafe(room + count)
      head.copy(piece, 0, 0, room)
      if ((yield* file.read(piece.subarray(room), from + done)) < count) return yield* short
      yield* take(piece)
      done += count
    }
  })
