/**
 * Carries out a stream's decisions on its files: turns the model's actions into the order of a `WriteLog`.
 *
 * Files are opened, closed and moved by steps of the log, so a step finds everything asked before it done. References
 * on trace chunks are taken when asked and given back by a step: a chunk is unused only when its files are complete.
 */
import { Effect } from "effect"
import type { Account } from "../../memory/Blocks.ts"
import type { Actions } from "../../model/Stream.ts"
import type { DataFile, IndexFile } from "../../model/StreamFile.ts"
import * as CtfIndex from "../../protocol/CtfIndex.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceDirectory } from "../../storage/TraceDirectory.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import { FileSink } from "./FileSink.ts"
import type { WriteLog } from "./WriteLog.ts"

/** Bytes copied at once when packets move to another file. */
const copyBytes = 256 * 1024

type Data = DataFile<TraceChunk>
type Index = IndexFile<TraceChunk>

/** The codes with which reopening a file fails if its name leads to no file, or to another one. */
const absent = new Set(["ENOENT", "ENOTDIR", "ESTALE"])

/** A file that is being written, as it is on disk and as the relay left it. */
export interface FileLook {
  /** Relative to the output directory. */
  readonly path: string
  readonly writtenBytes: number
  /** Undefined: it is gone. */
  readonly byteCount: number | undefined
  readonly modifiedMillis: number
}

export interface Naming {
  /** Directory of the stream inside its chunk. */
  readonly path: string
  readonly channelName: string
  readonly isRing: boolean
  readonly sessionMinor: number
}

export class StreamFiles implements Actions<TraceChunk> {
  readonly #log: WriteLog
  readonly #naming: Naming
  readonly #recordFieldBytes: number
  readonly #data = new Map<Data, FileSink>()
  readonly #indexes = new Map<Index, FileSink>()
  /** Sinks whose file is open, all of which a sync covers. Undefined: nothing is ever synced. */
  readonly #open: Set<FileSink> | undefined
  /** Who pays for the memory of index records: the connection whose packet or index arrived last. */
  account: Account
  /** Directory of the trace chunk in which a data file was opened last. */
  #directory: TraceDirectory
  /** Sees every record on its way to the file. */
  onRecord: ((offset: number, fields: Buffer, at: number) => void) | undefined

  constructor(log: WriteLog, naming: Naming, account: Account, chunk: TraceChunk, isSynced: boolean) {
    this.#log = log
    this.#open = isSynced ? new Set() : undefined
    this.#directory = chunk.directory
    this.#naming = naming
    this.#recordFieldBytes = CtfIndex.fieldsSize(naming.sessionMinor)
    this.account = account
  }

  /**
   * The first file of the stream, opened before the stream exists: its failure is the answer to `ADD_STREAM`. `isSame`:
   * another open stream of the session has it already.
   */
  openFirst(data: Data, isSame: boolean): Effect.Effect<void, FileFailed> {
    const { directory } = data.chunk
    const { path } = this.#naming
    const name = this.dataName(data)
    const opened = isSame ? directory.empty(path, name) : directory.create(path, name, false)
    const sink = this.#addData(data)
    return Effect.map(opened, (file) => this.#opened(sink, file))
  }

  #opened(sink: FileSink, file: TraceFile): void {
    sink.file = file
    this.#open?.add(sink)
  }

  /** Syncs every file that is open now, and its name. */
  readonly sync: Effect.Effect<void, FileFailed> = Effect.suspend(() =>
    Effect.forEach([...(this.#open ?? [])], (sink) => sink.sync, { discard: true })
  )

  /** Closes the file; where files are synced, it is synced before that, since it cannot be later. */
  #close(sink: FileSink): Effect.Effect<void, FileFailed> {
    const open = this.#open
    if (open === undefined) return sink.close
    return Effect.suspend(() => {
      open.delete(sink)
      return Effect.ensuring(sink.sync, sink.close)
    })
  }

  // ---- bytes -----------------------------------------------------------------------------------------------------

  append(data: Data, bytes: Buffer, from: number, to: number, isLast: boolean, account: Account): void {
    this.#log.append(this.#data.get(data) as FileSink, bytes, from, to, isLast, account)
  }

  appendZeros(data: Data, count: number, account: Account): void {
    this.#log.appendZeros(this.#data.get(data) as FileSink, count, account)
  }

  // ---- Actions ---------------------------------------------------------------------------------------------------

  readonly openData = (data: Data, replaces: boolean): void => {
    this.#log.step(this.#openInto(data, this.#addData(data), replaces), false)
  }

  readonly closeData = (data: Data): void => {
    const sink = this.#data.get(data) as FileSink
    this.#data.delete(data)
    this.#log.step(this.#close(sink), true)
  }

  readonly openIndex = (index: Index): void => {
    const { chunk } = index.data
    const { directory } = chunk
    const sink = new FileSink(directory.syncNames(this.#indexDirectory))
    this.#indexes.set(index, sink)
    chunk.retain()
    const header = CtfIndex.headerBytes(this.#naming.sessionMinor)
    const create = directory.create(this.#indexDirectory, this.#indexName(index.data), true)
    const data = `${this.#naming.path}/${this.dataName(index.data)}`
    // Somebody may have removed all indexes, since readers do without them: their directory is made again.
    const again = Effect.andThen(directory.restore(this.#indexDirectory, data), create)
    const isMissing = ({ code }: FileFailed) => code === "ENOENT"
    const created = Effect.catchIf(create, isMissing, () => again)
    const open = Effect.flatMap(created, (file) => {
      this.#opened(sink, file)
      return sink.append([header], header.length)
    })
    this.#log.step(open, false)
  }

  readonly record = (index: Index, offset: number, fields: Buffer, at: number): void => {
    const sink = this.#indexes.get(index) as FileSink
    this.onRecord?.(offset, fields, at)
    this.#log.record(sink, offset, fields, at, this.#recordFieldBytes, this.account)
  }

  readonly skipRecords = (index: Index, count: number): void => {
    const sink = this.#indexes.get(index) as FileSink
    const byteCount = count * (8 + this.#recordFieldBytes)
    const extend = Effect.suspend(() => {
      sink.position += byteCount
      return sink.file?.truncate(sink.position) ?? Effect.void
    })
    this.#log.step(extend, false)
  }

  readonly closeIndex = (index: Index): void => {
    const sink = this.#indexes.get(index) as FileSink
    this.#indexes.delete(index)
    this.#log.step(this.#close(sink), true)
    this.leaveChunk(index.data.chunk)
  }

  readonly move = (from: Data, fromOffset: number, byteCount: number, to: Data): void => {
    const target = this.#data.get(to) as FileSink
    const copy = this.#withFile(from, "read", (file) => this.#copy(file, fromOffset, byteCount, target))
    this.#log.step(copy, false)
  }

  readonly truncate = (data: Data, size: number): void => {
    const sink = this.#data.get(data)
    const cut = this.#withFile(data, "continue", (file) => {
      sink?.cut(size)
      return file.truncate(size)
    })
    this.#log.step(cut, false)
  }

  readonly leaveChunk = (chunk: TraceChunk): void => {
    this.#log.step(
      Effect.sync(() => chunk.release()),
      true
    )
  }

  /** A data file that somebody has removed while it is written, relative to the output directory; undefined: none. */
  get removed(): Effect.Effect<string | undefined, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      for (const [data, sink] of [...this.#data]) {
        const { file } = sink
        if (file === undefined || !(yield* file.isRemoved)) continue
        // The look may have waited for its turn: the file was closed meanwhile, and removed by a clear.
        if (sink.file !== file) continue
        return `${data.chunk.directory.relativePath}/${this.#naming.path}/${this.dataName(data)}`
      }
      return undefined
    })
  }

  /** Looks at every file that is open now; to be called when all that was asked before is done. */
  get looks(): Effect.Effect<ReadonlyArray<FileLook>> {
    return Effect.gen({ self: this }, function* () {
      const looks: Array<FileLook> = []
      const add = (chunk: TraceChunk, name: string, { file, position }: FileSink) => {
        if (file === undefined) return Effect.void
        const path = `${chunk.directory.relativePath}/${name}`
        const gone: Pick<FileLook, "byteCount" | "modifiedMillis"> = { byteCount: undefined, modifiedMillis: 0 }
        const now: Effect.Effect<typeof gone | undefined, FileFailed> = Effect.flatMap(file.isRemoved, (isRemoved) =>
          isRemoved ? Effect.succeed(gone) : file.look
        )
        // Any other failure says nothing about the file; its next write will tell.
        return Effect.map(
          Effect.catch(now, ({ code }) => Effect.succeed(absent.has(code) ? gone : undefined)),
          (look) => void (look !== undefined && looks.push({ path, writtenBytes: position, ...look }))
        )
      }
      for (const [data, sink] of [...this.#data]) {
        yield* add(data.chunk, `${this.#naming.path}/${this.dataName(data)}`, sink)
      }
      for (const [{ data }, sink] of [...this.#indexes]) {
        yield* add(data.chunk, `${this.#indexDirectory}/${this.#indexName(data)}`, sink)
      }
      return looks
    })
  }

  // ---- reading ---------------------------------------------------------------------------------------------------

  /** Opens what the path names now: the caller checks afterwards that it still is this file. */
  openForReading(data: Data): Effect.Effect<TraceFile, FileFailed> {
    return data.chunk.directory.open(this.#naming.path, this.dataName(data), "read")
  }

  openIndexForReading({ data }: Index): Effect.Effect<TraceFile, FileFailed> {
    return data.chunk.directory.open(this.#indexDirectory, this.#indexName(data), "read")
  }

  // ----------------------------------------------------------------------------------------------------------------

  /** `<channel>`, or `<channel>_<number>` in a ring. */
  dataName(data: Data): string {
    return this.#naming.isRing ? `${this.#naming.channelName}_${data.number}` : this.#naming.channelName
  }

  get #indexDirectory(): string {
    return `${this.#naming.path}/${CtfIndex.directory}`
  }

  #indexName(data: Data): string {
    return `${this.dataName(data)}${CtfIndex.suffix}`
  }

  #addData(data: Data): FileSink {
    const sink = new FileSink(data.chunk.directory.syncNames(this.#naming.path))
    this.#data.set(data, sink)
    return sink
  }

  #openInto(data: Data, sink: FileSink, replaces: boolean): Effect.Effect<void, FileFailed> {
    const { directory } = data.chunk
    const { path } = this.#naming
    const name = this.dataName(data)
    const earlier = this.#directory
    this.#directory = directory
    // The chunk before may lie in the same place, if it could not be moved: its file of this name may be emptied.
    const opened = Effect.catchIf(
      directory.create(path, name, replaces),
      ({ code }) => code === "EEXIST",
      () => directory.empty(path, name, earlier)
    )
    return Effect.map(opened, (file) => this.#opened(sink, file))
  }

  /** Uses the open file. A file of a ring may have been closed already: then it is opened for this one use. */
  #withFile(
    data: Data,
    mode: "read" | "continue",
    use: (file: TraceFile) => Effect.Effect<void, FileFailed>
  ): Effect.Effect<void, FileFailed> {
    const sink = this.#data.get(data)
    return Effect.suspend(() => {
      if (sink?.file !== undefined) return use(sink.file)
      return Effect.flatMap(data.chunk.directory.open(this.#naming.path, this.dataName(data), mode), (file) =>
        Effect.ensuring(use(file), file.close)
      )
    })
  }

  #copy(file: TraceFile, offset: number, byteCount: number, target: FileSink): Effect.Effect<void, FileFailed> {
    return Effect.gen(function* () {
      const buffer = Buffer.allocUnsafeSlow(Math.min(copyBytes, byteCount))
      let done = 0
      while (done < byteCount) {
        const wanted = buffer.subarray(0, Math.min(buffer.length, byteCount - done))
        const count = yield* file.read(wanted, offset + done)
        // This log has written these bytes: if somebody else has cut the file since, zeros take their place.
        if (count < wanted.length) wanted.fill(0, count)
        yield* target.append([wanted], wanted.length)
        done += wanted.length
      }
    })
  }
}
