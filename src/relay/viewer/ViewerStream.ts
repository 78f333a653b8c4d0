/**
 * One stream as one attached viewer reads it: what it is answered when it asks for the next index, a packet
 * (`ViewedPackets`) or metadata (`ViewedMetadata`).
 *
 * It outlives the stream and its session: what they recorded can be read to the end. Answers that need no disk are
 * plain calls; those that do are effects, run by the viewer's connection one at a time.
 */
import { Effect } from "effect"
import { clockMillis } from "../../Machine.ts"
import { offsetOf, recordBytes } from "../../memory/RecentIndexes.ts"
import type { Lent } from "../../memory/RecentPackets.ts"
import type { Description } from "../../model/Description.ts"
import type { Run } from "../../model/Runs.ts"
import type { Answer, Described, Knowledge, Surroundings, ViewerCursor } from "../../model/ViewerCursor.ts"
import { offsets, Status } from "../../protocol/live/GetNextIndex.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed } from "../../storage/Files.ts"
import { Patience } from "../Patience.ts"
import type { Registry } from "../Registry.ts"
import type { Range, TakePiece } from "../stream/FileContent.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import { isGone, openStill } from "../stream/StreamReaders.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import { Beginning, noBeginning } from "./Beginning.ts"
import type { LateBegin, SendRange } from "./LateBegin.ts"
import { RecordsAhead } from "./RecordsAhead.ts"
import { type Metadata, ViewedMetadata } from "./ViewedMetadata.ts"
import { ViewedPackets } from "./ViewedPackets.ts"

/** Tries to read one record. If each is overwritten first, the ring turns faster than the disk reads: "try again". */
const attemptCountMax = 3
/** A viewer that asks again sooner does not pause between its requests: those that do pause a millisecond at least. */
const hastyMillis = 0.7

export const isMissing = (failure: FileFailed) => failure.code === "ENOENT"
const statusOf = { empty: Status.ok, retry: Status.retry, hup: Status.hup, inactive: Status.inactive } as const
/** Between two looks at whether the tracer has announced its streams. */
const announcementPause = "2 millis"

/** The trace of a stream, as its viewer reads it. */
export interface ViewedTrace {
  /** Its metadata stream, until the viewer is done with that. */
  readonly metadata: ViewerStream | undefined
  /** What its metadata stream describes; undefined: that has not come. */
  readonly description: Description | undefined
}

export class ViewerStream implements Surroundings {
  readonly stream: StreamActor
  readonly cursor: ViewerCursor
  readonly viewer: Knowledge
  readonly #trace: ViewedTrace
  /** Of a stream that the viewer learns of while it watches. */
  lateBegin: LateBegin | undefined
  /** Used only if the stream is a metadata stream. */
  readonly metadata: ViewedMetadata
  readonly #patience: Patience<Buffer, number, bigint | "retry">
  readonly #packets: ViewedPackets
  readonly #beginning = new Beginning()
  readonly #registry: Registry["Service"]
  readonly #ahead: RecordsAhead

  constructor(
    stream: StreamActor,
    cursor: ViewerCursor,
    registry: Registry["Service"],
    viewer: Knowledge,
    trace: ViewedTrace
  ) {
    this.viewer = viewer
    this.#registry = registry
    this.#trace = trace
    this.stream = stream
    this.metadata = new ViewedMetadata(stream)
    this.cursor = cursor
    this.#ahead = new RecordsAhead(stream.session.identity.minor)
    this.#packets = new ViewedPackets(stream, cursor, registry.background, (...what) => this.#copyRecord(...what))
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

  described(seq: number): Described {
    if (this.#isHopeless) return "never"
    const { recentIndexes } = this.stream
    const at = recentIndexes?.find(seq) ?? -1
    if (recentIndexes === undefined || at < 0) return "yes"
    return this.#description?.suffices(recentIndexes.bytes, at, this.nowMillis) === false ? "not yet" : "yes"
  }

  isRipe(seq: number): boolean {
    const { recentIndexes, session } = this.stream
    const addedMillis = this.viewer.announcesFirst ? undefined : recentIndexes?.addedMillis(seq)
    return addedMillis === undefined || addedMillis + session.lead.packetMillis <= this.nowMillis
  }

  get cyclesPerMilli(): number | undefined {
    return this.#description?.cyclesPerMilli
  }

  get isMetadataBehind(): boolean {
    const { description, metadata } = this.#trace
    return metadata?.metadata.isBehind === true && description?.isUnderstood === true
  }

  /** What the trace's metadata describes; undefined when no more of that can come. */
  get #description(): Description | undefined {
    const { description, metadata } = this.#trace
    return metadata?.stream.model.isClosed === false ? description : undefined
  }

  get #isHopeless(): boolean {
    const { description, metadata } = this.#trace
    return description?.isHopeless(metadata?.isOver !== false, this.nowMillis) === true
  }

  isReadable(seq: number): boolean {
    return this.#packets.isReadable(seq)
  }

  // ---- for status ------------------------------------------------------------------------------------------------

  get lagPacketCount(): number {
    return Math.max(0, this.stream.model.indexCount - this.cursor.seq)
  }

  /** ns of trace clock; 0 before the first answer. */
  get lagNanos(): number {
    if (this.lagPacketCount === 0 || !this.#packets.hasHeld) return 0
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
    const answer = this.cursor.next(model, this)
    if (answer === "hup" && this.#isHopeless) this.#tellHopeless()
    return answer
  }

  #tellHopeless(): void {
    const { channelName, path, session } = this.stream
    const detail = `${session.identity.sessionName}: ${path}/${channelName}`
    this.#registry.background(this.#registry.incidents.report("STREAM_UNDESCRIBED", detail))
  }

  /** Answers the record at the cursor if that needs no disk. */
  #take(reply: Buffer): boolean {
    const { seq } = this.cursor
    const run = this.stream.model.runs.find(seq)
    if (run === undefined || !this.#copyRecord(seq, reply)) return false
    const packets = this.#packets
    const reader = packets.readerOf(run.index.data)
    if (!packets.isAtHand(seq, reader)) return false
    const beginning = this.lateBegin?.isEarly(reply) ? this.#beginning.of(seq, packets.recent(seq)) : noBeginning
    if (beginning === undefined) return false
    const offset = offsetOf(reply, 0)
    packets.hold(seq, reader, offset)
    if (beginning === noBeginning) this.lateBegin = undefined
    else this.lateBegin?.answer(reply, offset, beginning)
    this.cursor.shownUntil = u64At(reply, offsets.timestampEnd)
    this.viewer.latestEnd = Math.max(this.viewer.latestEnd, this.cursor.shownUntil)
    this.#description?.told(reply, 0)
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
      const file = yield* Effect.result(this.#packets.readerOf(run.index.data).file)
      if (file._tag === "Failure") return isMissing(file.failure) && isClosed ? Status.hup : Status.error
      if (this.lateBegin?.isEarly(reply)) {
        if (!this.#packets.isInFile(this.cursor.seq)) yield* this.#packets.inFiles
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

  /** Whether a packet can be asked for. */
  get hasFile(): boolean {
    return this.#packets.hasFile
  }

  /** `head`, then the range, lent from memory until given back; undefined: it has to be read (`sendPacket`). */
  packetInMemory(range: Range, head: Buffer): Lent | undefined {
    return this.lateBegin?.isIn(range) ? undefined : this.#packets.inMemory(range, head)
  }

  /** Fails, before the first piece, when the range cannot be read. */
  sendPacket(range: Range, head: Buffer, take: TakePiece): Effect.Effect<void, FileFailed> {
    const recorded: SendRange = (...what) => this.#packets.send(...what)
    return this.lateBegin?.isIn(range) ? this.lateBegin.send(range, head, take, recorded) : recorded(range, head, take)
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
  sendMetadata(metadata: Metadata, head: Buffer, take: TakePiece): Effect.Effect<void, FileFailed> {
    return Effect.map(this.#packets.sendFrom(metadata.file, metadata, head, take), () => this.metadata.sent(metadata))
  }

  /** Nothing is read through this object any more. */
  release(): void {
    this.#packets.release()
  }
}
