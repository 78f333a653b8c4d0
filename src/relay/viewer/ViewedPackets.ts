/**
 * The packets of one stream as one viewer reads them: from memory, or from the data file of the index record that it
 * was answered last, which is held. A held file stays open, and its packet readable, until the next record is answered
 * (live.md §7.3).
 */
import { Effect } from "effect"
import { offsetOf, recordBytes } from "../../memory/RecentIndexes.ts"
import type { Lent, RecentPacket } from "../../memory/RecentPackets.ts"
import type { DataFile } from "../../model/StreamFile.ts"
import type { ViewerCursor } from "../../model/ViewerCursor.ts"
import { offsets } from "../../protocol/live/GetNextIndex.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed } from "../../storage/Files.ts"
import * as FileContent from "../stream/FileContent.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import { openStill, type StreamReader } from "../stream/StreamReaders.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import { ReadAhead } from "./ReadAhead.ts"
import { short } from "./RecordsAhead.ts"

/** How long bytes that were promised may take to reach the file before the viewer is told to ask again. */
const fileWait = "5 seconds"

/** Copies record `seq` to the start of `into`; false: it is not in memory. */
export type CopyRecord = (seq: number, into: Buffer) => boolean

/** Used within one call. */
const record = Buffer.alloc(recordBytes)

/** The record that was answered last. */
interface Held {
  readonly reader: StreamReader
  readonly seq: number
  /** Of its packet, in the data file. */
  readonly offset: number
}

export class ViewedPackets {
  readonly #stream: StreamActor
  readonly #cursor: ViewerCursor
  readonly #background: (work: Effect.Effect<void>) => void
  readonly #copyRecord: CopyRecord
  readonly #ahead = new ReadAhead()
  #held: Held | undefined
  /** The file of the record at the cursor. It becomes the held one when that record is answered. */
  #coming: StreamReader | undefined

  constructor(
    stream: StreamActor,
    cursor: ViewerCursor,
    background: (work: Effect.Effect<void>) => void,
    copyRecord: CopyRecord
  ) {
    this.#copyRecord = copyRecord
    this.#stream = stream
    this.#cursor = cursor
    this.#background = background
  }

  // ---- where a packet is -----------------------------------------------------------------------------------------

  /** Whether the packet of record `seq` can be read now. */
  isReadable(seq: number): boolean {
    return this.isInFile(seq) || this.recent(seq) !== undefined
  }

  isInFile(seq: number): boolean {
    const { log } = this.#stream
    return log.durable.indexCount > seq || (log.isIdle && log.failure === undefined)
  }

  /** Done when everything received so far is in the files, or after a while. */
  get inFiles(): Effect.Effect<unknown> {
    return Effect.timeoutOption(Effect.ignore(this.#stream.log.written), fileWait)
  }

  /** The packet of record `seq` among the newest packets; undefined: it is not there any more. */
  recent(seq: number): RecentPacket | undefined {
    const { recentIndexes, session } = this.#stream
    const { recent } = session.viewers
    if (recent === undefined || recentIndexes === undefined) return undefined
    const at = recentIndexes.find(seq)
    const run = at < 0 ? undefined : this.#stream.model.runs.find(seq)
    return run === undefined ? undefined : recent.find(run.index.data, offsetOf(recentIndexes.bytes, at))
  }

  // ---- the held file ---------------------------------------------------------------------------------------------

  /** A record was answered, and its packet can be asked for. */
  get hasHeld(): boolean {
    return this.#held !== undefined
  }

  /** The held reader, or one that takes its place when the record that needs it is answered. */
  readerOf(data: DataFile<TraceChunk>): StreamReader {
    if (this.#held?.reader.data === data) return this.#held.reader
    if (this.#coming?.data === data) return this.#coming
    this.#letGo(this.#coming)
    this.#coming = this.#stream.readers.acquire(data)
    return this.#coming
  }

  /** Whether record `seq` can be answered in this call: its file is open, or its packet in memory until it is. */
  isAtHand(seq: number, reader: StreamReader): boolean {
    if (reader.opened !== undefined) return true
    if (this.recent(seq) === undefined) return false
    // Opened beside the answer, so that the packet outlives both the memory it is in and the file's name.
    if (this.isInFile(seq)) this.#background(Effect.ignore(reader.file))
    return true
  }

  /** Record `seq` is answered: the viewer may ask for its packet, at `offset` of the reader's file. */
  hold(seq: number, reader: StreamReader, offset: number): void {
    if (reader === this.#coming) {
      this.#letGo(this.#held?.reader)
      this.#coming = undefined
    }
    this.#held = { reader, seq, offset }
  }

  #letGo(reader: StreamReader | undefined): void {
    const close = reader === undefined ? undefined : this.#stream.readers.release(reader)
    if (close !== undefined) this.#background(close)
  }

  /** Nothing is read through this object any more. */
  release(): void {
    this.#letGo(this.#held?.reader)
    this.#letGo(this.#coming)
    this.#held = undefined
    this.#coming = undefined
  }

  // ---- sending ---------------------------------------------------------------------------------------------------

  /** Whether a packet can be asked for: from the held file, or, before any, from that of the next record. */
  get hasFile(): boolean {
    return this.#held !== undefined || this.#nextFile !== undefined
  }

  get #nextFile(): DataFile<TraceChunk> | undefined {
    const { model, metadataFile } = this.#stream
    const { indexCount, runs } = model
    const file = runs.find(runs.nextFrom(this.#cursor.seq, indexCount))?.index.data ?? model.file ?? metadataFile
    return file?.chunk.isDeleted === true ? undefined : file
  }

  /** `head`, then the range, lent from memory until given back; undefined: it is not, or not whole, in memory. */
  inMemory({ byteCount, from }: FileContent.Range, head: Buffer): Lent | undefined {
    const held = this.#held
    const { recent, reads } = this.#stream.session.viewers
    if (held === undefined || from < held.offset) return undefined
    const { data } = held.reader
    const packet = recent?.find(data, held.offset) ?? reads?.find(data, held.offset)
    if (packet === undefined || from + byteCount > held.offset + packet.byteCount) return undefined
    return packet.lend(head, from - held.offset, byteCount)
  }

  /** Gives `head` and the range to `take`. Fails, before the first piece, when the range cannot be read. */
  send(range: FileContent.Range, head: Buffer, take: FileContent.TakePiece): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const held = this.#held
      if (held === undefined) {
        const file = this.#nextFile
        return yield* file === undefined ? Effect.fail(short) : this.sendFrom(file, range, head, take)
      }
      if (!this.isInFile(held.seq)) yield* this.inFiles
      const file = yield* held.reader.file
      const { count, reads } = this.#stream.session.viewers
      if (reads !== undefined && range.from === held.offset) {
        const behind = this.#behind(held, range)
        // If that fails, the range alone may still be readable.
        if (count > 1 || behind.length > 0) yield* Effect.ignore(reads.read(held.reader.data, file, range, behind))
      }
      const shared = this.inMemory(range, head)
      if (shared === undefined) return yield* FileContent.send(file, range, head, take)
      if (shared.head !== undefined) take(shared.head)
      yield* take(shared.bytes, shared.giveBack)
    })
  }

  /** The packets behind a held one that may be read with it. */
  #behind({ reader, seq }: Held, range: FileContent.Range): ReadonlyArray<FileContent.Range> {
    const { runs } = this.#stream.model
    return this.#ahead.behind(seq, range, (next) => {
      if (!this.isInFile(next) || runs.find(next)?.index.data !== reader.data) return undefined
      if (!this.#copyRecord(next, record)) return undefined
      return { from: offsetOf(record, 0), byteCount: u64At(record, offsets.packetSize) / 8 }
    })
  }

  /** The same from a file that need not be held, once everything received so far is in it. */
  sendFrom(
    file: DataFile<TraceChunk>,
    range: FileContent.Range,
    head: Buffer,
    take: FileContent.TakePiece
  ): Effect.Effect<void, FileFailed> {
    const sent = Effect.acquireUseRelease(
      openStill(file, this.#stream.openForReading(file)),
      (opened) => FileContent.send(opened, range, head, take),
      (opened) => opened.close
    )
    return Effect.suspend(() => (this.#stream.log.isIdle ? sent : Effect.andThen(this.inFiles, sent)))
  }
}
