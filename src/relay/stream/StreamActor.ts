/**
 * One stream: its decisions (`model/Stream`), the order of its file work (`WriteLog`), and the fiber that does it.
 *
 * Packets and indexes are plain calls from socket reads, one event-loop turn each; they advance the decisions at once
 * and leave file work to the fiber. Everything a stream promises about files goes by `log.durable` or `log.written`,
 * everything it promises about order by the decisions.
 */
import { Effect } from "effect"
import { clockMillis, queueMicrotask } from "../../Machine.ts"
import type { Account } from "../../memory/Blocks.ts"
import { Charge, type Shares } from "../../memory/Charge.ts"
import { RecentIndexes } from "../../memory/RecentIndexes.ts"
import type { RecentPacket } from "../../memory/RecentPackets.ts"
import { Description } from "../../model/Description.ts"
import { controlHalfBytes, dataHalfBytes } from "../../model/InFlight.ts"
import { Losses } from "../../model/Losses.ts"
import { MetadataText } from "../../model/MetadataText.ts"
import { noSeq, Stream } from "../../model/Stream.ts"
import type { DataFile, IndexFile } from "../../model/StreamFile.ts"
import type { StreamPosition } from "../../model/StreamPosition.ts"
import { planOf, type Sync } from "../../model/Sync.ts"
import * as CtfIndex from "../../protocol/CtfIndex.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"
import type { Events } from "../Events.ts"
import type { TraceChunk } from "../TraceChunk.ts"
import type { Progress } from "./Durability.ts"
import type { Gather } from "./Gather.ts"
import { PendingData } from "./PendingData.ts"
import { type FileLook, StreamFiles } from "./StreamFiles.ts"
import { StreamReaders } from "./StreamReaders.ts"
import type { StreamSession } from "./StreamSession.ts"
import { type OnFailure, WriteLog } from "./WriteLog.ts"

const timestampBeginAt = CtfIndex.fieldOffset("timestampBegin")
const timestampEndAt = CtfIndex.fieldOffset("timestampEnd")

export interface Options {
  readonly session: StreamSession
  readonly gather: Gather
  readonly events: Events
  readonly handle: number
  readonly path: string
  readonly channelName: string
  readonly tracefileSize: number
  readonly tracefileCount: number
  readonly hasIndex: boolean
  readonly sessionMinor: number
  /** The stream takes over the caller's reference. */
  readonly chunk: TraceChunk
  readonly account: Account
  readonly sync: Sync
}

export class StreamActor {
  readonly session: StreamSession
  readonly handle: number
  readonly path: string
  readonly channelName: string
  readonly model: Stream<TraceChunk>
  readonly log: WriteLog
  readonly #files: StreamFiles
  /** Data files that viewers are reading. */
  readonly readers: StreamReaders
  /** The newest index records, kept for viewers; undefined where there can be none. */
  readonly recentIndexes: RecentIndexes | undefined
  /** The file that holds the metadata received last, also after the stream has left it. */
  metadataFile: DataFile<TraceChunk> | undefined
  /** What the metadata describes that came so far; only for metadata streams of live sessions. */
  readonly description: Description | undefined
  /** Where the text of that metadata lies in its file. */
  readonly metadataText: MetadataText | undefined
  /** The packet that is arriving, as viewers will get it from memory; undefined if nobody watches. */
  #recentPacket: RecentPacket | undefined
  /** Indexes without their packets, charged to the control connection that brought them. */
  readonly #controlHalves = new Charge()
  /** Packets without their indexes, charged to the data connection that brought them. */
  readonly #dataHalves = new Charge()
  readonly pending: PendingData
  /** Called at each change, for `until`. */
  readonly #listeners = new Set<() => void>()
  readonly losses: Losses
  readonly #announcedMillis = clockMillis()
  /** ms of the relay's clock: when a packet or a beacon came last. */
  heardAt = this.#announcedMillis
  /** Trace clock at the end of the newest packet; rounded, since it is only shown. */
  newestUntil = 0
  /** Id, for viewers, of the CTF trace that it is a part of. */
  traceId = 0n
  /** STREAMS_SENT has come since: viewers may know of the stream. */
  isPublished = false
  /** The metadata file is being emptied: if that fails, the reply to the command says so. */
  isResetting = false
  /** Complete packets, and bytes of packets and metadata, padding of packets included: for status and events. */
  packetCount = 0
  byteCount = 0
  #announcedPacketCount = 0

  constructor(options: Options) {
    this.session = options.session
    this.handle = options.handle
    this.path = options.path
    this.channelName = options.channelName
    const plan = planOf(options.sync)
    this.log = new WriteLog(
      () => this.#progress(),
      options.gather,
      () => this.#onDurable(options.events),
      plan === undefined ? undefined : { plan, sync: Effect.suspend(() => this.#files.sync) }
    )
    const isRing = options.tracefileSize > 0
    const { path, channelName, sessionMinor } = options
    const naming = { path, channelName, isRing, sessionMinor }
    this.#files = new StreamFiles(this.log, naming, options.account, options.chunk, plan !== undefined)
    this.model = new Stream({
      isMetadata: channelName === "metadata",
      hasIndex: options.hasIndex,
      recordFieldBytes: CtfIndex.fieldsSize(sessionMinor),
      tracefileSize: options.tracefileSize,
      tracefileCount: options.tracefileCount,
      chunk: options.chunk,
      actions: this.#files,
      hold: options.session.lead
    })
    this.pending = new PendingData(this.model, this.log, () => this.#moved())
    this.readers = new StreamReaders(this.#files)
    this.losses = new Losses(sessionMinor >= 8)
    const isViewed = this.isMetadata && options.session.identity.liveTimer > 0
    this.description = isViewed ? new Description() : undefined
    this.metadataText = isViewed ? new MetadataText() : undefined
    if (options.hasIndex && !this.isMetadata) {
      const recent = options.session.identity.liveTimer > 0 ? new RecentIndexes() : undefined
      this.recentIndexes = recent
      this.#files.onRecord = (offset, fields, at) => {
        this.losses.add(fields, at)
        this.newestUntil = u64At(fields, at + timestampEndAt)
        if (recent === undefined) return
        if (this.model.indexCount === 0) this.#seeFirst(fields, at)
        recent.add(this.model.indexCount, offset, fields, at, clockMillis())
      }
    }
  }

  #seeFirst(fields: Buffer, at: number): void {
    const cyclesPerMilli = this.session.cyclesPerMilli(this.traceId)
    if (cyclesPerMilli === undefined) return
    this.session.lead.see({
      announcedMillis: this.#announcedMillis,
      arrivedMillis: this.heardAt,
      begin: fields.readBigUInt64BE(at + timestampBeginAt),
      end: fields.readBigUInt64BE(at + timestampEndAt),
      cyclesPerMilli
    })
  }

  get isBehind(): boolean {
    return !this.log.isIdle
  }

  get isMetadata(): boolean {
    return this.model.isMetadata
  }

  /** Opens the first data file. `isSame`: another open stream of the session writes it. */
  open(isSame: boolean): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      const { file } = this.model
      return file === undefined ? Effect.void : this.#files.openFirst(file, isSame)
    })
  }

  /** The stream's fiber: ends when the stream is closed and its files are complete. */
  run(onFailure: OnFailure): Effect.Effect<void> {
    return this.log.run(onFailure)
  }

  // ---- data connection -------------------------------------------------------------------------------------------

  /** A packet header arrived; sizes in bytes. False: protocol error, see `Stream.beginPacket`. */
  beginPacket(netSeqNum: bigint, dataSize: number, paddingSize: number): boolean {
    if (!this.model.beginPacket(netSeqNum, dataSize, paddingSize)) return false
    const { recent } = this.session.viewers
    const { file, offset } = this.model
    this.#recentPacket =
      recent === undefined || file === undefined ? undefined : recent.begin(file, offset, dataSize + paddingSize)
    return true
  }

  /** Bytes of the packet that began, perhaps its last. They are copied: `bytes` may change after the call. */
  appendPayload(bytes: Buffer, from: number, to: number, isLast: boolean, account: Account): void {
    const { file } = this.model
    if (file === undefined) return
    this.byteCount += to - from
    this.#files.append(file, bytes, from, to, isLast, account)
    this.#recentPacket?.append(bytes, from, to)
  }

  /**
   * The packet is whole; `paddingSize` zeros follow it in the file. False: protocol error. A close that waited for this
   * packet is the caller's to try again (`closeRequested`).
   */
  endPacket(paddingSize: number, { bytes, halves }: Shares): boolean {
    const { file } = this.model
    if (file === undefined) return false
    this.heardAt = clockMillis()
    this.packetCount++
    this.byteCount += paddingSize
    this.#files.appendZeros(file, paddingSize, bytes)
    this.#files.account = bytes
    this.#recentPacket?.appendZeros(paddingSize)
    this.#recentPacket = undefined
    const isAccepted = this.model.endPacket()
    this.#dataHalves.assign(halves)
    this.#changed()
    return isAccepted
  }

  // ---- control connection ----------------------------------------------------------------------------------------

  /** See `Stream.addIndex`. */
  addIndex(netSeqNum: bigint, packetSeqNum: bigint, fields: Buffer, at: number, shares: Shares): boolean {
    this.#files.account = shares.bytes
    const isAccepted = this.model.addIndex(netSeqNum, packetSeqNum, fields, at)
    this.#controlHalves.assign(shares.halves)
    this.#changed()
    return isAccepted
  }

  /** An inactivity beacon. */
  addBeacon(timestampEnd: bigint): void {
    this.heardAt = clockMillis()
    this.session.lead.prove(timestampEnd, this.heardAt)
    this.model.addBeacon(timestampEnd, this.heardAt)
    this.#changed()
  }

  /** See `Stream.advance`. */
  advance(position: StreamPosition): void {
    this.model.advance(position, clockMillis())
    if (!this.isMetadata) return
    this.metadataFile = this.model.file
    this.metadataText?.forget()
  }

  /** A metadata message starts; `appendPayload` brings its bytes. */
  beginMetadata(): boolean {
    if (this.log.failure !== undefined || !this.model.beginMetadata()) return false
    this.metadataText?.begin()
    return true
  }

  /** The message is whole: `byteCount` bytes were appended, `paddingSize` zeros follow. */
  endMetadata(byteCount: number, paddingSize: number, account: Account): boolean {
    const { file } = this.model
    if (file === undefined) return false
    this.#files.appendZeros(file, paddingSize, account)
    this.metadataFile = file
    if (!this.model.endMetadata(byteCount + paddingSize)) return false
    this.metadataText?.end(byteCount + paddingSize)
    return true
  }

  abandonMetadata(): void {
    this.model.abandonMetadata()
  }

  /** Empties the metadata file; answers when the new one exists. */
  get resetMetadata(): Effect.Effect<boolean, FileFailed> {
    return Effect.suspend(() => {
      if (!this.model.resetMetadata()) return Effect.succeed(false)
      this.metadataText?.forget()
      this.isResetting = true
      const over = Effect.sync(() => {
        this.isResetting = false
      })
      return Effect.ensuring(Effect.as(this.log.written, true), over)
    })
  }

  /** Takes over the caller's reference on `chunk`. False: refused, see `Stream.rotate`. */
  rotate(at: bigint, chunk: TraceChunk | undefined): boolean {
    const isAccepted = this.model.rotate(at, chunk)
    if (this.model.metadataReceived === 0) this.metadataText?.restart()
    this.#changed()
    return isAccepted
  }

  /** True when the stream is closed; its fiber ends when the files are complete. */
  tryClose(isAborted: boolean): boolean {
    if (this.model.isClosed) return true
    const isClosed = this.model.tryClose(isAborted)
    this.#changed()
    if (isClosed) this.log.end()
    return isClosed
  }

  /** See `StreamFiles.removed`. */
  get removedFile(): Effect.Effect<string | undefined, FileFailed> {
    return this.#files.removed
  }

  /** See `StreamFiles.looks`. */
  get fileLooks(): Effect.Effect<ReadonlyArray<FileLook>> {
    return this.#files.looks
  }

  /** Opens what the path names now. */
  openForReading(data: DataFile<TraceChunk>): Effect.Effect<TraceFile, FileFailed> {
    return this.#files.openForReading(data)
  }

  openIndexForReading(index: IndexFile<TraceChunk>): Effect.Effect<TraceFile, FileFailed> {
    return this.#files.openIndexForReading(index)
  }

  /** Done when `holds` answers true. It is asked after each packet, index, beacon and rotation, and at the close. */
  until(holds: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (holds()) return resume(Effect.void)
      const listener = () => {
        if (!holds()) return
        this.#listeners.delete(listener)
        // Not within this call: the read that brought the change is not over.
        queueMicrotask(() => resume(Effect.void))
      }
      this.#listeners.add(listener)
      return Effect.sync(() => this.#listeners.delete(listener))
    })
  }

  #moved(): Effect.Effect<void> {
    const { prevDataSeq, prevIndexSeq } = this.model
    return this.until(() => this.model.prevDataSeq !== prevDataSeq || this.model.prevIndexSeq !== prevIndexSeq)
  }

  /** Charges halves of indexes to the connections that brought them, and wakes what waits in `until`. */
  #changed(): void {
    if (this.#listeners.size > 0) for (const listener of this.#listeners) listener()
    const { awaitingDataCount, inFlightCount } = this.model
    this.#controlHalves.set(awaitingDataCount * controlHalfBytes)
    this.#dataHalves.set((inFlightCount - awaitingDataCount) * dataHalfBytes)
  }

  #progress(): Progress {
    // Asked once while the log is made, before there is a model.
    const model = this.model as Stream<TraceChunk> | undefined
    return {
      prevDataSeq: model?.prevDataSeq ?? noSeq,
      prevIndexSeq: model?.prevIndexSeq ?? noSeq,
      indexCount: model?.indexCount ?? 0,
      packetCount: this.packetCount,
      byteCount: this.byteCount
    }
  }

  #onDurable(events: Events): void {
    if (!events.hasSubscribers) return
    const { packetCount, byteCount } = this.log.durable
    if (packetCount === this.#announcedPacketCount) return
    this.#announcedPacketCount = packetCount
    const { session, handle: streamId } = this
    events.publish({ _tag: "PacketsStored", sessionId: session.id, streamId, packetCount, byteCount })
  }
}
