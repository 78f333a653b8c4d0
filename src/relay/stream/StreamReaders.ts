/**
 * Data files of one stream that viewers are reading: opened once for all of them, closed with the last. What was opened
 * here stays readable when the tracer overwrites the file or deletes its chunk, as long as the pool of open files does
 * not need its descriptor for another one.
 */
import { Effect } from "effect"
import type { DataFile } from "../../model/StreamFile.ts"
import { FileFailed } from "../../storage/Files.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import type { StreamFiles } from "./StreamFiles.ts"

type Data = DataFile<TraceChunk>

/** Whether the file's name belongs to a younger file, or to none. */
export const isGone = (data: Data): boolean => data.isOverwritten || data.chunk.isDeleted

const gone = new FileFailed({ operation: "open", path: "", code: "ENOENT" })

/** Opens by name, then makes sure that the name was still this file's. */
export const openStill = (
  data: Data,
  open: Effect.Effect<TraceFile, FileFailed>
): Effect.Effect<TraceFile, FileFailed> =>
  Effect.uninterruptible(
    Effect.flatMap(open, (file) =>
      isGone(data) ? Effect.andThen(file.close, Effect.fail(gone)) : Effect.succeed(file)
    )
  )

export class StreamReader {
  readonly data: Data
  readonly #files: StreamFiles
  userCount = 0
  #file: TraceFile | undefined

  constructor(data: Data, files: StreamFiles) {
    this.data = data
    this.#files = files
  }

  get opened(): TraceFile | undefined {
    return this.#file
  }

  /** The file, opened if need be. The caller must count as a user until it is done with it. */
  get file(): Effect.Effect<TraceFile, FileFailed> {
    return Effect.suspend(() => {
      if (this.#file !== undefined) return Effect.succeed(this.#file)
      return Effect.uninterruptible(
        Effect.flatMap(openStill(this.data, this.#files.openForReading(this.data)), (file) => this.#keep(file))
      )
    })
  }

  /** Somebody else may have opened it meanwhile, or nobody wants it any more. */
  #keep(file: TraceFile): Effect.Effect<TraceFile, FileFailed> {
    if (this.#file !== undefined) return Effect.as(file.close, this.#file)
    if (this.userCount === 0) return Effect.andThen(file.close, Effect.fail(gone))
    this.#file = file
    return Effect.succeed(file)
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const file = this.#file
      this.#file = undefined
      return file === undefined ? Effect.void : file.close
    })
  }
}

export class StreamReaders {
  readonly #files: StreamFiles
  readonly #readers = new Map<Data, StreamReader>()

  constructor(files: StreamFiles) {
    this.#files = files
  }

  get count(): number {
    return this.#readers.size
  }

  /** Adds a user; `release` takes it away. */
  acquire(data: Data): StreamReader {
    let reader = this.#readers.get(data)
    if (reader === undefined) {
      reader = new StreamReader(data, this.#files)
      this.#readers.set(data, reader)
    }
    reader.userCount++
    return reader
  }

  /** Takes a user away. Answers what is left to do if that was the last one. */
  release(reader: StreamReader): Effect.Effect<void> | undefined {
    if (--reader.userCount > 0) return undefined
    this.#readers.delete(reader.data)
    return reader.opened === undefined ? undefined : reader.close
  }
}
