/** A file being written: opened by a step of a stream's log, appended to by its stages. */
import { Effect } from "effect"
import type { BesideWrite, Piece } from "../../memory/Piece.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"
import type { Sink } from "./Stage.ts"

export class FileSink implements Sink {
  /** Undefined before its step has opened it, and after the one that closes it. */
  file: TraceFile | undefined
  /** Where the next bytes go: all before them were handed over. */
  position = 0
  /** `position` at the last sync. −1: neither the file nor its name was ever synced. */
  #syncedPosition = -1
  readonly #syncNames: Effect.Effect<void, FileFailed>

  /** `syncNames` makes stable that there is such a file. */
  constructor(syncNames: Effect.Effect<void, FileFailed>) {
    this.#syncNames = syncNames
  }

  get sync(): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      const { file, position } = this
      if (file === undefined || position === this.#syncedPosition) return Effect.void
      const isNew = this.#syncedPosition < 0
      const synced = Effect.tap(file.sync, () =>
        Effect.sync(() => {
          this.#syncedPosition = position
        })
      )
      return isNew ? Effect.andThen(synced, this.#syncNames) : synced
    })
  }

  /** The file was cut to `size` bytes: it needs another sync, even if it becomes as long again as when last synced. */
  cut(size: number): void {
    this.position = size
    if (this.#syncedPosition >= 0) this.#syncedPosition = Number.POSITIVE_INFINITY
  }

  append(buffers: ReadonlyArray<Uint8Array>, byteCount: number): Effect.Effect<void, FileFailed> {
    if (this.file === undefined) return Effect.die(new Error("append to a file that is not open"))
    const at = this.position
    this.position += byteCount
    return this.file.write(buffers, at)
  }

  get isImmediate(): boolean {
    return this.file?.isPrompt === true
  }

  get isNear(): boolean {
    return this.file?.isNear === true
  }

  get hasBeside(): boolean {
    return this.file?.hasBeside === true
  }

  get hasBesideRoom(): boolean {
    return this.file?.hasBesideRoom === true
  }

  appendNow(bytes: Uint8Array, from: number, to: number): number {
    const count = this.file?.writeNow(bytes, from, to, this.position) ?? 0
    this.position += count
    return count
  }

  appendBeside(pieces: ReadonlyArray<Piece>, onDone: () => void): BesideWrite | undefined {
    const beside = this.file?.writeBeside(pieces, this.position, onDone)
    if (beside === undefined) return undefined
    const { position } = this
    return {
      get isBegun() {
        return beside.isBegun
      },
      settle: () => {
        const count = beside.settle()
        this.position = position + count
        return count
      }
    }
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const file = this.file
      this.file = undefined
      return file === undefined ? Effect.void : file.close
    })
  }
}
