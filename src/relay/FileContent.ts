/**
 * A range of a trace file on its way to a viewer: a few hundred KiB are in memory at a time, whatever its length.
 * Memory of large pieces is used again, by whichever viewer reads next, once its piece is sent.
 */
import { Effect } from "effect"
import type { TraceFile } from "../storage/FilePool.ts"
import { FileFailed } from "../storage/Files.ts"

export interface Range {
  readonly from: number
  readonly byteCount: number
}

/** Takes one piece; done when there may be another. `sent` is called when the piece's memory is free again. */
export type TakePiece = (piece: Uint8Array, sent?: () => void) => Effect.Effect<void>

/** A read of the disk and a write to the socket; more makes neither faster. */
const pieceBytes = 256 * 1024
/** Room for a reply's head in front of the first piece. */
const headBytesMax = 16
/** Below this fresh memory costs less than keeping it. */
const freshBytesMax = 16 * 1024
/** 8 MiB: what a few dozen viewers read at once; more of them take fresh memory. */
const spareCountMax = 32
const spare: Array<Buffer> = []

const giveBack = (memory: Buffer): void => {
  if (spare.length < spareCountMax) spare.push(memory)
}

const short = new FileFailed({ operation: "read", path: "", code: "short" })

const isReadable = (file: TraceFile, from: number, byteCount: number): Effect.Effect<boolean, FileFailed> =>
  byteCount <= pieceBytes
    ? Effect.succeed(true) // Seen by the only read.
    : Effect.map(file.read(Buffer.alloc(1), from + byteCount - 1), (count) => count === 1)

/** Gives `head` and the range to `take`. Fails before the first piece when the file does not hold the range now. */
export const send = (file: TraceFile, range: Range, head: Buffer, take: TakePiece): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const { from, byteCount } = range
    if (!(yield* isReadable(file, from, byteCount))) return yield* short
    for (let done = 0; done < byteCount; ) {
      const room = done === 0 ? head.length : 0
      const count = Math.min(pieceBytes, byteCount - done)
      const isFresh = room + count <= freshBytesMax
      const memory = isFresh
        ? Buffer.allocUnsafe(room + count)
        : (spare.pop() ?? Buffer.allocUnsafeSlow(headBytesMax + pieceBytes))
      head.copy(memory, 0, 0, room)
      // An interrupted read may still write: its memory is left to the garbage collector.
      if ((yield* file.read(memory.subarray(room, room + count), from + done)) < count) return yield* short
      yield* take(memory.subarray(0, room + count), isFresh ? undefined : () => giveBack(memory))
      done += count
    }
  })
