/**
 * A range of a trace file on its way to a viewer, in pieces: one is in memory at a time, whatever the range's length.
 *
 * A viewer that finds no large piece (`LargePieces`) goes on with small ones, as viewers that do not read may hold the
 * large ones for a while.
 */
import { Effect } from "effect"
import { FileFailed } from "../../storage/Files.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"
import * as LargePieces from "./LargePieces.ts"

export interface Range {
  readonly from: number
  readonly byteCount: number
}

/** Takes one piece in this call; done when there may be another. `sent` is called when its memory is free again. */
export type TakePiece = (piece: Uint8Array, sent?: () => void) => Effect.Effect<void>

/** Fresh memory for a piece of this size costs less than keeping it. */
const smallBytes = 16 * 1024

const short = new FileFailed({ operation: "read", path: "", code: "short" })

/** Gives `head` and the range to `take`. Fails before the first piece when the file does not hold the range now. */
export const send = (file: TraceFile, range: Range, head: Buffer, take: TakePiece): Effect.Effect<void, FileFailed> =>
  Effect.suspend(() => {
    const { from, byteCount } = range
    /** Lent, and not given to `take` yet. */
    let large: Buffer | undefined
    const pieces = Effect.gen(function* () {
      for (let done = 0; done < byteCount; ) {
        const room = done === 0 ? head.length : 0
        const left = byteCount - done
        large = room + left <= smallBytes ? undefined : LargePieces.lend()
        const count = Math.min(left, LargePieces.largeBytes, (large?.length ?? smallBytes) - room)
        // A range in one piece is seen whole by its only read.
        if (done === 0 && count < byteCount && !(yield* isWhole(file, range))) return yield* short
        const memory = large ?? Buffer.allocUnsafe(room + count)
        head.copy(memory, 0, 0, room)
        if ((yield* file.read(memory.subarray(room, room + count), from + done)) < count) return yield* short
        const sent = large === undefined ? undefined : () => LargePieces.giveBack(memory)
        large = undefined
        yield* take(memory.subarray(0, room + count), sent)
        done += count
      }
    })
    const end = Effect.sync(() => {
      // Left to the garbage collector: an interrupted read may still write into it.
      if (large !== undefined) LargePieces.lose()
    })
    return Effect.ensuring(pieces, end)
  })

const isWhole = (file: TraceFile, { from, byteCount }: Range): Effect.Effect<boolean, FileFailed> =>
  Effect.map(file.read(Buffer.alloc(1), from + byteCount - 1), (count) => count === 1)
