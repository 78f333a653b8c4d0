/**
 * One stream as one attached viewer reads it: its cursor, the metadata it has, and the data file of the index record it
 * was answered last. That file stays open, and its packet readable, until the next record is answered (live.md §7.3).
 *
 * It outlives the stream and its session: what they recorded can be read to the end. Answers that need no disk are
 * plain calls; those that do are effects, run by the viewer's connection one at a time.
 */
import { Effect } from "effect"
import { clockMillis } from "../../Machine.ts"
import { offsetOf, recordBytes } from "../../memory/RecentIndexes.ts"
import type { Lent, RecentPacket } from "../../memory/RecentPackets.ts"
import type { Description } from "../../model/Description.ts"
import type { Run } from "../../model/Runs.ts"
import type { DataFile } from "../../model/StreamFile.ts"
import type { Answer, Knowledge, Surroundings, ViewerCursor } from "../../model/ViewerCursor.ts"
import { offsets, Status } from "../../protocol/live/GetNextIndex.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed } from "../../storage/Files.ts"
import { Patience } from "../Patience.ts"
import type { Registry } from "../Registry.ts"
import * as FileContent from "../stream/FileContent.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import { isGone, openStill, type StreamReader } from "../stream/StreamReaders.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import { Beginning, noBeginning } from "./Beginning.ts"
import type { LateBegin, SendRange } from "./LateBegin.ts"
import { RecordsAhead, short } from "./RecordsAhead.ts"
import { type Metadata, ViewedMetadata } from "./ViewedMetadata.ts"

/** Tries to read one record. If each is overwritten first, the ring turns faster than the disk reads: "try again". */
const attemptCountMax = 3
/** A viewer that asks again sooner does not pause between its requests: those that do pause a millisecond at least. */
const hastyMillis = 0.7
/** How long bytes that were promised may take to reach the file before the viewer is told to ask again. */
const fileWait = "5 seconds"

interface Held {
  readonly reader: StreamReader
  readonly seq: number
  readonly offset: number
}

export const isMissing = (failure: FileFailed) => failure.code === "ENOENT"
const statusOf = { empty: Status.ok, retry: Status.retry, hup: Status.hup, inactive: Status.inactive } as const
/** Between two looks at whether the tracer has announced its streams. */
const announcementPause = "2 millis"

export class ViewerStream implements Surroundings {
  readonly stream: StreamActor
  readonly cursor: ViewerCursor
  readonly viewer: Knowledge
  readonly #registry: Registry["Service"]
  readonly #description: () => Description | undefined
  /** Of a stream that the viewer learns of while it watches. */
  lateBegin: LateBegin | undefined
  /** Used only if the stream is a metadata stream. */
  readonly metadata: ViewedMetadata
  readonly #patience: Patience<Buffer, number, bigint | "retry">
  /** The record answered last, and its open file. */
  #held: Held | undefined
  /** The file of the record at the cursor. It becomes the held one when that record is answered. */
  #coming: StreamReader | undefined
  readonly #beginning = new Beginning()
  readonly #ahead: RecordsAhead

  /** `description` answers what the trace's metadata describes; undefined when no more of that can come. */
  constructor(
    stream: StreamActor,
    cursor: ViewerCursor,
    registry: Registry["Service"],
    viewer: Knowledge,
    description: () => Description | undefined
  ) {
    this.viewer = viewer
    this.#description = description
    this.stream = stream
    this.metadata = new ViewedMetadata(stream)
    this.cursor = cursor
    this.#ahead = new RecordsAhead(stream.session.identity.minor)
    this.#registry = registry
    this.#patience = new Patience(
      hastyMillis,
      (reply) => this.#next(reply),
      (status) => this.#nothingOf(status),
      () => this.#news()
    )
  }

  // ---- Surroundings ----------------------------------------------------------------------------------------------

  get nowMillis(): number {
    return clockMillis()
  }

  get isOngoingRotation(): boolean {
    return this.stream.session.isOngoingRotation
  }

  get isConnectionClosed(): boolean {
    return this.stream.session.isConnectionClosed
  }

  get hasFailed(): boolean {
    return this.stream.log.failure !== undefined
  }

  isDescribed(seq: number): boolean {
    const { recentIndexes } = this.stream
    const at = recentIndexes?.find(seq) ?? -1
    if (recentIndexes === undefined || at < 0) return true
    return this.#description()?.suffices(recentIndexes.bytes, at, this.nowMillis) !== false
  }

  isRipe(seq: number): boolean {
    const { recentIndexes, session } = this.stream
    const addedMillis = this.viewer.announcesFirst ? undefined : recentIndexes?.addedMillis(seq)
    return addedMillis === undefined || addedMillis + session.lead.packetMillis <= this.nowMillis
  }

  get cyclesPerMilli(): number | undefined {
    return this.#description()?.cyclesPerMilli
  }

  isReadable(seq: number): boolean {
    return this.#isInFile(seq) || this.#recent(seq) !== undefined
  }

  #isInFile(seq: number): boolean {
    const { log } = this.stream
    return log.durable.indexCount > seq || (log.isIdle && log.failure === undefined)
  }

  #recent(seq: number): RecentPacket | undefined {
    const { recentIndexes, session } = this.stream
    const { recent } = session.viewers
    if (recent === undefined || recentIndexes === undefined) return undefined
    const at = recentIndexes.find(seq)
    const run = at < 0 ? undefined : this.stream.model.runs.find(seq)
    return run === undefined ? undefined : recent.find(run.index.data, offsetOf(recentIndexes.bytes, at))
  }

  // ---- for status ------------------------------------------------------------------------------------------------

  get lagPacketCount(): number {
    return Math.max(0, this.stream.model.indexCount - this.cursor.seq)
  }

  /** ns of trace clock; 0 before the first answer. */
  get lagNanos(): number {
    if (this.lagPacketCount === 0 || this.#held === undefined) return 0
    return Math.max(0, this.stream.newestUntil - this.cursor.shownUntil)
  }

  // ---- GET_NEXT_INDEX --------------------------------------------------------------------------------------------

  /** Returns the reply's status, or an effect that finds it. With status OK the record is at the start of `reply`. */
  next(reply: Buffer): number | Effect.Effect<number> {
    return this.#patience.ask(reply)
  }

  /** "Try again", or the time until which the stream is inactive. */
  #nothingOf(status: number | Effect.Effect<number>): bigint | "retry" | undefined {
    if (status === Status.retry) return "retry"
    if (status !== Status.inactive) return undefined
    return this.viewer.unknown === "none" ? this.cursor.inactiveUntil : "retry"
  }

  /** Done when there is something else to say. Half an index is not: it would be "try again" once more. */
  #news(): Effect.Effect<void> {
    const { model } = this.stream
    const { beacon, indexCount } = model
    return this.stream.until(
      () => model.indexCount > indexCount || model.isClosed || (model.beacon ?? beacon) !== beacon
    )
  }

  #next(reply: Buffer): number | Effect.Effect<number> {
    const answer = this.#decide()
    if (answer === "wait") return this.#nextWhenAnnounced(reply)
    if (answer === "empty") this.#makeEmpty(reply)
    if (answer !== "ok") return statusOf[answer]
    return this.#take(reply) ? Status.ok : this.#nextFromFile(reply)
  }

  #nextWhenAnnounced(reply: Buffer): Effect.Effect<number> {
    return Effect.flatMap(Effect.sleep(announcementPause), () => {
      const found = this.#next(reply)
      return typeof found === "number" ? Effect.succeed(found) : found
    })
  }

  /** Makes `reply` the index of an empty packet: the viewer fetches nothing and shows nothing. */
  #makeEmpty(reply: Buffer): void {
    reply.fill(0).writeBigUInt64BE(this.stream.model.ctfStreamId ?? 0n, offsets.streamId)
  }

  #decide(): Answer {
    const { model } = this.stream
    const { runs } = model
    let run = runs.find(runs.nextFrom(this.cursor.seq, model.indexCount))
    while (run?.index.data.chunk.isDeleted) {
      runs.dropChunk(run.index.data.chunk)
      run = runs.find(runs.nextFrom(this.cursor.seq, model.indexCount))
    }
    return this.cursor.next(model, this)
  }

  /** Answers the record at the cursor if that needs no disk. */
  #take(reply: Buffer): boolean {
    const { seq } = this.cursor
    const run = this.stream.model.runs.find(seq)
    if (run === undefined || !this.#copyRecord(seq, reply)) return false
    const reader = this.#readerOf(run.index.data)
    if (reader.opened === undefined) {
      if (this.#recent(seq) === undefined) return false
      // Opened beside the answer, so that the packet outlives both the memory it is in and the file's name.
      if (this.#isInFile(seq)) this.#registry.background(Effect.ignore(reader.file))
    }
    const beginning = this.lateBegin?.isEarly(reply) ? this.#beginning.of(seq, this.#recent(seq)) : noBeginning
    if (beginning === undefined) return false
    if (reader === this.#coming) {
      this.#letGo(this.#held?.reader)
      this.#coming = undefined
    }
    this.#held = { reader, seq, offset: offsetOf(reply, 0) }
    if (beginning === noBeginning) this.lateBegin = undefined
    else this.lateBegin?.answer(reply, this.#held.offset, beginning)
    this.cursor.shownUntil = u64At(reply, offsets.timestampEnd)
    this.viewer.latestEnd = Math.max(this.viewer.latestEnd, this.cursor.shownUntil)
    this.#description()?.told(reply, 0)
    if (this.viewer.heeds === "packets") this.cursor.answeredUntil = reply.readBigUInt64BE(offsets.timestampEnd)
    this.cursor.advance()
    return true
  }

  #copyRecord(seq: number, reply: Buffer): boolean {
    const { recentIndexes } = this.stream
    const at = recentIndexes?.find(seq) ?? -1
    if (recentIndexes !== undefined && at >= 0) {
      recentIndexes.bytes.copy(reply, 0, at, at + recordBytes)
      return true
    }
    return this.#ahead.copy(seq, reply)
  }

  /** The held reader, or one that takes its place when the record that needs it is answered. */
  #readerOf(data: DataFile<TraceChunk>): StreamReader {
    if (this.#held?.reader.data === data) return this.#held.reader
    if (this.#coming?.data === data) return this.#coming
    this.#letGo(this.#coming)
    this.#coming = this.stream.readers.acquire(data)
    return this.#coming
  }

  #letGo(reader: StreamReader | undefined): void {
    const close = reader === undefined ? undefined : this.stream.readers.release(reader)
    if (close !== undefined) this.#registry.background(close)
  }

  #nextFromFile(reply: Buffer): Effect.Effect<number> {
    return Effect.gen({ self: this }, function* () {
      for (let attempt = 0; attempt < attemptCountMax; attempt++) {
        const answer = this.#decide()
        if (answer === "wait") return yield* this.#nextWhenAnnounced(reply)
        if (answer === "empty") this.#makeEmpty(reply)
        if (answer !== "ok") return statusOf[answer]
        if (this.#take(reply)) return Status.ok
        const run = this.stream.model.runs.find(this.cursor.seq)
        if (run === undefined) continue
        const refusal = yield* this.#fetch(run, reply)
        if (refusal !== undefined && !isGone(run.index.data)) return refusal
      }
      return Status.retry
    })
  }

  /** Brings what `#take` misses for the record at the cursor, or the status if that is not possible. */
  #fetch(run: Run<TraceChunk>, reply: Buffer): Effect.Effect<number | undefined> {
    return Effect.gen({ self: this }, function* () {
      const { isClosed } = this.stream.model
      if (!this.#copyRecord(this.cursor.seq, reply)) {
        const records = yield* Effect.result(this.#readAhead(run, this.cursor.seq))
        if (records._tag === "Failure") {
          if (!isMissing(records.failure)) return Status.error
          return isClosed ? Status.hup : Status.retry
        }
      }
      const file = yield* Effect.result(this.#readerOf(run.index.data).file)
      if (file._tag === "Failure") return isMissing(file.failure) && isClosed ? Status.hup : Status.error
      if (this.lateBegin?.isEarly(reply)) {
        if (!this.#isInFile(this.cursor.seq)) yield* this.#inFiles
        yield* this.#beginning.read(this.cursor.seq, file.success, offsetOf(reply, 0))
      }
      return undefined
    })
  }

  #readAhead(run: Run<TraceChunk>, seq: number): Effect.Effect<void, FileFailed> {
    return Effect.acquireUseRelease(
      openStill(run.index.data, this.stream.openIndexForReading(run.index)),
      (file) => this.#ahead.read(file, run, seq),
      (file) => file.close
    )
  }

  // ---- GET_PACKET ------------------------------------------------------------------------------------------------

  /**
   * `head`, then the range, lent from memory until given back; undefined: the range is not, or not whole, in memory.
   */
  packetInMemory(offset: number, byteCount: number, head: Buffer): Lent | undefined {
    return this.lateBegin?.isIn({ from: offset, byteCount }) ? undefined : this.#inMemory(offset, byteCount, head)
  }

  #inMemory(offset: number, byteCount: number, head: Buffer): Lent | undefined {
    const held = this.#held
    const { recent, reads } = this.stream.session.viewers
    if (held === undefined || offset < held.offset) return undefined
    const { data } = held.reader
    const packet = recent?.find(data, held.offset) ?? reads?.find(data, held.offset)
    if (packet === undefined || offset + byteCount > held.offset + packet.byteCount) return undefined
    return packet.lend(head, offset - held.offset, byteCount)
  }

  /** Whether a packet can be asked for: from the file of the record answered last, or, before any, of the next one. */
  get hasFile(): boolean {
    return this.#held !== undefined || this.#nextFile !== undefined
  }

  get #nextFile(): DataFile<TraceChunk> | undefined {
    const { model, metadataFile } = this.stream
    const { indexCount, runs } = model
    const file = runs.find(runs.nextFrom(this.cursor.seq, indexCount))?.index.data ?? model.file ?? metadataFile
    return file?.chunk.isDeleted === true ? undefined : file
  }

  /** Fails, before the first piece, when the range cannot be read. */
  sendPacket(range: FileContent.Range, head: Buffer, take: FileContent.TakePiece): Effect.Effect<void, FileFailed> {
    const recorded: SendRange = (...what) => this.#sendRecorded(...what)
    return this.lateBegin?.isIn(range) ? this.lateBegin.send(range, head, take, recorded) : recorded(range, head, take)
  }

  #sendRecorded(range: FileContent.Range, head: Buffer, take: FileContent.TakePiece): Effect.Effect<void, FileFailed> {
    return Effect.gen({ self: this }, function* () {
      const held = this.#held
      if (held === undefined) {
        const file = this.#nextFile
        return yield* file === undefined ? Effect.fail(short) : this.#sendFrom(file, range, head, take)
      }
      if (!this.#isInFile(held.seq)) yield* this.#inFiles
      const file = yield* held.reader.file
      const { count, reads } = this.stream.session.viewers
      if (reads !== undefined && count > 1 && range.from === held.offset) {
        yield* reads.read(held.reader.data, file, range)
      }
      const shared = this.#inMemory(range.from, range.byteCount, head)
      if (shared === undefined) return yield* FileContent.send(file, range, head, take)
      if (shared.head !== undefined) take(shared.head)
      yield* take(shared.bytes, shared.giveBack)
    })
  }

  get #inFiles() {
    return Effect.timeoutOption(Effect.ignore(this.stream.log.synced), fileWait)
  }

  // ---- GET_METADATA ----------------------------------------------------------------------------------------------

  /** What can be sent now. Undefined: nothing. */
  get nextMetadata(): Metadata | undefined {
    return this.metadata.next(this.nowMillis, this.isOver)
  }

  /** Nothing follows what the viewer has. */
  get isOver(): boolean {
    return this.stream.model.isClosed || this.isConnectionClosed
  }

  /** Fails, before the first piece, when the bytes cannot be read; `head` announces all of them. */
  sendMetadata(metadata: Metadata, head: Buffer, take: FileContent.TakePiece): Effect.Effect<void, FileFailed> {
    return Effect.map(this.#sendFrom(metadata.file, metadata, head, take), () => this.metadata.sent(metadata))
  }

  #sendFrom(file: DataFile<TraceChunk>, range: FileContent.Range, head: Buffer, take: FileContent.TakePiece) {
    const sent = Effect.acquireUseRelease(
      openStill(file, this.stream.openForReading(file)),
      (opened) => FileContent.send(opened, range, head, take),
      (opened) => opened.close
    )
    return Effect.suspend(() => (this.stream.log.isIdle ? sent : Effect.andThen(this.#inFiles, sent)))
  }

  /** Nothing is read through this object any more. */
  release(): void {
    this.#letGo(this.#held?.reader)
    this.#letGo(this.#coming)
    this.#held = undefined
    this.#coming = undefined
  }
}
