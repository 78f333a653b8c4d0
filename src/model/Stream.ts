/**
 * One stream's decisions (streaming.md §7.3, §8, §9, §11.3): pairing packets with indexes, tracefiles, rotation to
 * another trace chunk, close. It does no I/O: what must happen to files is told to `Actions`, in order.
 *
 * The state is that of a disk which needs no time: `prevDataSeq` and its companions advance when bytes are *accepted*.
 * The carrier of the actions must keep their order, and keeps track of how far the files have come.
 *
 * Pairing, rotation and close are one file because they are one state: a rotation decides by the sequence numbers that
 * pairing advances, moves the entries it holds and swaps file, index and chunk under it, within one call; apart, each
 * would be handed all fields of the other. What has a state of its own is beside: `TracefileRing`, `LeftFiles`,
 * `InFlight`, `Runs`, `Inactivity`.
 *
 * Invariants
 * 1. A record is emitted once, after every byte of its packet was appended, with the offset of the packet in its file.
 * 2. A packet is never split between two files: a rotation reached while a packet is arriving waits for its end.
 * 3. An in-flight entry with data has exactly one index file, except between an index rotation and its data rotation.
 * 4. Bytes that no packet owns are cut off before anything follows them, so offsets are those of the file.
 */
import { type Hold, Inactivity } from "./Inactivity.ts"
import { type InFlight, InFlightTable } from "./InFlight.ts"
import { LeftFiles } from "./LeftFiles.ts"
import { Runs } from "./Runs.ts"
import type { DataFile, IndexFile } from "./StreamFile.ts"
import type { FileExtent, StreamPosition } from "./StreamPosition.ts"
import { TracefileRing } from "./TracefileRing.ts"

/** The protocol's "no sequence number", 2⁶⁴−1. */
export const noSeq = 0xffff_ffff_ffff_ffffn

/** What must happen to files, to be done in the order of the calls. `C` is a trace chunk: only its identity matters. */
export interface Actions<C> {
  /** `replaces`: an older file of the ring has the name, and is removed. */
  readonly openData: (file: DataFile<C>, replaces: boolean) => void
  readonly closeData: (file: DataFile<C>) => void
  readonly openIndex: (index: IndexFile<C>) => void
  /** `fields` from `at`: the index's fields as received, without the offset. Valid during the call. */
  readonly record: (index: IndexFile<C>, offset: number, fields: Buffer, at: number) => void
  /** The next `count` records are in the index already, or it is extended as if they were (`Stream.advance`). */
  readonly skipRecords: (index: IndexFile<C>, count: number) => void
  readonly closeIndex: (index: IndexFile<C>) => void
  /** Appends a packet that lies in `from` to `to`; a `truncate` cuts it off from `from` later. */
  readonly move: (from: DataFile<C>, fromOffset: number, byteCount: number, to: DataFile<C>) => void
  readonly truncate: (file: DataFile<C>, size: number) => void
  /** Gives back the stream's own reference on the chunk, once everything before is done. */
  readonly leaveChunk: (chunk: C) => void
}

export interface Options<C> {
  readonly isMetadata: boolean
  /** Whether packets have indexes: the session's minor version is at least 4, and it is no snapshot. */
  readonly hasIndex: boolean
  /** Bytes of fields kept per index record: 48 (1.0) or 64 (1.1). */
  readonly recordFieldBytes: number
  /** Most bytes of a file; 0: there is one file, however long. */
  readonly tracefileSize: number
  /** Number of files that are written in turn, if their size is bounded. */
  readonly tracefileCount: number
  readonly chunk: C
  readonly actions: Actions<C>
  /** How long beacons are kept from viewers. */
  readonly hold: Hold
}

/**
 * A rotation that waits for its position (§9). First the index rotates, once the record before the position is written;
 * then the data, once the last packet of the old chunk, the pivot, is whole.
 */
interface Rotation<C> {
  /** The `packet_seq_num` from which on packets belong to the new chunk. */
  readonly at: bigint
  readonly chunk: C | undefined
  indexDone: boolean
  /** `prevIndexSeq` when the index rotated: the last packet of the old chunk. */
  pivot: bigint
  oldIndex: IndexFile<C> | undefined
}

export class Stream<C> {
  readonly isMetadata: boolean
  readonly hasIndex: boolean
  readonly tracefileSize: number
  readonly tracefileCount: number

  /** `net_seq_num` of the packet that became whole last. */
  prevDataSeq = noSeq
  /** `net_seq_num` of the record that was written last. */
  prevIndexSeq = noSeq
  /** `net_seq_num` of the last packet that the peer has sent, as it says with its close: the end waits for that. */
  lastNetSeqNum = noSeq
  /** `packet_seq_num` of the record that was written last: it decides when a rotation happens. */
  receivedPacketSeqNum: bigint | undefined
  /** Number of indexes completely received since the stream began (`R` of live.md §4). */
  indexCount = 0
  /** What inactivity beacons have said since anything else was heard. */
  readonly inactivity: Inactivity
  ctfStreamId: bigint | undefined
  /** Number of indexes and beacons received: it stands still only while the tracer says nothing. */
  signOfLifeCount = 0
  /** Bytes of metadata since it last began anew, padding included. */
  metadataReceived = 0
  closeRequested = false
  isClosed = false
  /** The peer has asked about this stream since BEGIN_DATA_PENDING: otherwise its data counts as pending (§10). */
  pendingCheckDone = false
  completedRotationCount = 0
  lastRotationWasToNull = false
  chunk: C | undefined
  file: DataFile<C> | undefined
  /** Bytes of complete packets in `file`. */
  offset = 0
  /** The files of a ring that the stream has left for the next one. */
  readonly left: LeftFiles<C>
  /** Where the records are that viewers may ask for. */
  readonly runs = new Runs<C>()

  readonly #actions: Actions<C>
  readonly #inFlight = new InFlightTable<C>()
  readonly #recordFieldBytes: number
  readonly #ring: TracefileRing<C>
  #index: IndexFile<C> | undefined
  #rotation: Rotation<C> | undefined
  /** A packet, or a metadata message, has begun and is not whole. */
  #isArriving = false
  /** A metadata message has begun and is not whole. */
  #isMessageArriving = false
  /** From the header of the packet that is arriving, or arrived last. */
  #arrivingSeq = 0n
  #arrivingDataSize = 0
  #arrivingPaddingSize = 0
  /** The file ends with a part of a packet that will never be whole. */
  #hasLeftover = false
  /** Count of packets that became whole, and the highest `order` of those with a record: later packets can be moved. */
  #packetOrder = 0
  #flushedOrderMax = 0

  constructor(options: Options<C>) {
    this.isMetadata = options.isMetadata
    this.hasIndex = options.hasIndex
    this.tracefileSize = options.tracefileSize
    this.tracefileCount = options.tracefileCount
    this.#actions = options.actions
    this.#recordFieldBytes = options.recordFieldBytes
    this.chunk = options.chunk
    this.#ring = new TracefileRing(options.tracefileCount)
    this.left = new LeftFiles(options.tracefileSize > 0 ? options.tracefileCount : 0)
    this.file = this.#ring.start(options.chunk)
    this.inactivity = new Inactivity(options.hold)
  }

  /** `timestamp_end` of the last inactivity beacon while nothing newer is known. */
  get beacon(): bigint | undefined {
    return this.inactivity.newest
  }

  get isRotating(): boolean {
    return this.#rotation !== undefined
  }

  get isReceivingPacket(): boolean {
    return this.#isArriving
  }

  get inFlightCount(): number {
    return this.#inFlight.size
  }

  /** How many of these are indexes that came before their packet. */
  get awaitingDataCount(): number {
    return this.#inFlight.controlCount
  }

  // ---- data side -------------------------------------------------------------------------------------------------

  /** A packet header arrived. False: no file to put it in, or another packet is still arriving. */
  beginPacket(netSeqNum: bigint, dataSize: number, paddingSize: number): boolean {
    if (this.isClosed || this.file === undefined || this.#isArriving) return false
    this.#cutLeftover()
    this.#fitTracefile(dataSize)
    this.#isArriving = true
    this.#arrivingSeq = netSeqNum
    this.#arrivingDataSize = dataSize
    this.#arrivingPaddingSize = paddingSize
    return true
  }

  /** Payload and padding of the packet were appended. False: another of this number waits, or a rotation failed. */
  endPacket(): boolean {
    const seq = this.#arrivingSeq
    const total = this.#arrivingDataSize + this.#arrivingPaddingSize
    this.#isArriving = false
    this.#hasLeftover = this.hasIndex && !this.#inFlight.takesData(seq)
    if (this.#hasLeftover) return false
    const offset = this.offset
    this.offset += total
    if (this.hasIndex && this.file !== undefined) {
      const entry = this.#inFlight.getOrMake(seq, false)
      entry.hasData = true
      entry.file = this.file
      entry.offset = offset
      entry.dataSize = this.#arrivingDataSize
      entry.total = total
      entry.order = ++this.#packetOrder
      this.#attach(entry)
      if (entry.hasControl && entry.index !== undefined) {
        this.#flush(entry, entry.fields, 0)
        this.#tryRotateIndex()
      }
    }
    this.prevDataSeq = seq
    return this.#tryRotateData()
  }

  /** The packet will never be whole: its connection ended, or took it back. Its bytes stay until something follows. */
  abandonPacket(): void {
    if (this.#isArriving) this.#hasLeftover = true
    this.#isArriving = false
  }

  #cutLeftover(): void {
    if (this.#hasLeftover && this.file !== undefined) this.#actions.truncate(this.file, this.offset)
    this.#hasLeftover = false
  }

  /** A metadata message starts to arrive. False: no file, or another message is arriving. */
  beginMetadata(): boolean {
    if (this.isClosed || this.file === undefined || this.#isArriving) return false
    this.#cutLeftover()
    this.#isArriving = true
    this.#isMessageArriving = true
    return true
  }

  /** The whole message, padding included, was appended; only now it counts. False: the stream was closed meanwhile. */
  endMetadata(byteCount: number): boolean {
    if (!this.#isArriving) return false
    this.#isArriving = false
    this.#isMessageArriving = false
    this.metadataReceived += byteCount
    this.offset += byteCount
    return true
  }

  /** The connection, or the stream, ended inside the message: what was appended of it is cut off. */
  abandonMetadata(): void {
    if (!this.#isMessageArriving || this.file === undefined) return
    this.#isArriving = false
    this.#isMessageArriving = false
    this.#actions.truncate(this.file, this.offset)
  }

  /** The metadata file starts again from nothing. False: no file, not metadata, or a message is arriving. */
  resetMetadata(): boolean {
    if (!this.isMetadata || this.file === undefined || this.#isArriving) return false
    const file = this.#ring.startAgain(this.file)
    this.#actions.closeData(this.file)
    this.#leaveIndex()
    this.#actions.openData(file, true)
    this.file = file
    this.offset = 0
    this.#hasLeftover = false
    this.prevDataSeq = 0n
    this.prevIndexSeq = 0n
    return true
  }

  // ---- control side ----------------------------------------------------------------------------------------------

  /** `fields` at `at` are a received index's fields. False: a duplicate, or a rotation failed. */
  addIndex(netSeqNum: bigint, packetSeqNum: bigint, fields: Buffer, at: number): boolean {
    this.inactivity.forget()
    this.signOfLifeCount++
    if (!this.hasIndex) return true
    if (!this.#inFlight.takesControl(netSeqNum)) return false
    const entry = this.#inFlight.getOrMake(netSeqNum, true)
    entry.packetSeqNum = packetSeqNum
    if (entry.index === undefined) {
      entry.keepFields(fields, at, this.#recordFieldBytes)
      return true
    }
    this.#flush(entry, fields, at)
    this.#tryRotateIndex()
    return this.#tryRotateData()
  }

  /** An inactivity beacon counts only while nothing is half received: time must not run ahead of a packet. */
  addBeacon(timestampEnd: bigint, nowMillis: number): void {
    this.signOfLifeCount++
    if (this.#inFlight.size === 0) this.inactivity.hear(timestampEnd, nowMillis)
  }

  /** Starts a rotation at `packet_seq_num` `at`. False: one is pending, metadata is arriving, or data would be lost. */
  rotate(at: bigint, chunk: C | undefined): boolean {
    if (this.#rotation !== undefined || (this.isMetadata && this.#isArriving)) return false
    this.#rotation = { at, chunk, indexDone: this.isMetadata, pivot: noSeq, oldIndex: undefined }
    if (this.isMetadata) {
      if (chunk !== undefined) this.metadataReceived = 0
      this.#leaveIndex()
      this.#switchFile()
      return true
    }
    // Without a file there is nothing to wait for, and nothing could come that ends the wait.
    if (this.file === undefined && chunk !== undefined) this.#switchFile()
    this.#tryRotateIndex()
    return this.#tryRotateData()
  }

  /** Asks for the end of the stream; true when it ended now. Aborted sessions do not wait for data in flight. */
  tryClose(isAborted: boolean): boolean {
    if (this.isClosed) return false
    this.closeRequested = true
    if (this.lastNetSeqNum === noSeq) {
      this.#inFlight.forEach((entry) => {
        if (!entry.hasControl) this.#drop(entry)
      })
      this.lastNetSeqNum = this.#inFlight.highestSeq() ?? noSeq
    }
    const isAwaitingData = this.lastNetSeqNum !== noSeq && BigInt.asIntN(64, this.prevDataSeq - this.lastNetSeqNum) < 0n
    if (isAwaitingData && !isAborted) return false
    this.#close()
    return true
  }

  #close(): void {
    this.isClosed = true
    this.abandonMetadata()
    this.#isArriving = false
    this.#inFlight.forEach((entry) => {
      this.#drop(entry)
    })
    this.#leaveIndex()
    const rotation = this.#rotation
    this.#rotation = undefined
    if (rotation !== undefined) this.#dropIndexUser(rotation.oldIndex)
    if (this.file !== undefined) this.#actions.closeData(this.file)
    this.file = undefined
    if (this.chunk !== undefined) this.#actions.leaveChunk(this.chunk)
    if (rotation?.chunk !== undefined) this.#actions.leaveChunk(rotation.chunk)
    this.chunk = undefined
  }

  // ---- a position instead of packets -------------------------------------------------------------------------------

  /** Number of records in the current index. */
  get recordCount(): number {
    return this.#index?.recordCount ?? 0
  }

  /**
   * Brings the stream to a position to which packets, indexes and metadata brought it before, in the same chunk,
   * without them: their bytes are in the files already. Nothing may be half received. The beacon counts as heard at
   * `nowMillis`.
   */
  advance(to: StreamPosition, nowMillis: number): void {
    if (this.file === undefined) return
    const firstLeft = to.leftCount - to.left.length
    const extents: Array<FileExtent | undefined> = []
    for (let at = this.left.count; at < to.leftCount; at++) extents.push(to.left[at - firstLeft])
    extents.push(to)
    let seq = to.indexCount - this.#newRecordCount(extents)
    for (const [at, extent] of extents.entries()) {
      if (at > 0) this.#nextTracefile()
      // Nothing is known of the ring's oldest files, nor is it needed: others have overwritten them since.
      if (extent !== undefined) seq = this.#extend(extent, seq)
    }
    this.indexCount = to.indexCount
    this.prevDataSeq = to.prevDataSeq
    this.prevIndexSeq = to.prevIndexSeq
    this.receivedPacketSeqNum = to.receivedPacketSeqNum
    this.ctfStreamId = to.ctfStreamId
    this.metadataReceived = to.metadataReceived
    this.signOfLifeCount++
    this.inactivity.forget()
    if (to.beacon !== undefined) this.inactivity.hear(to.beacon, nowMillis)
  }

  #newRecordCount(extents: ReadonlyArray<FileExtent | undefined>): number {
    const known = extents[0] === undefined ? 0 : this.recordCount
    return extents.reduce((sum, extent) => sum + (extent?.recordCount ?? 0), -known)
  }

  /** Brings the current file and its index to an extent; answers the number of the next record. */
  #extend({ offset, recordCount }: FileExtent, seq: number): number {
    if (offset !== this.offset) {
      this.#actions.truncate(this.file as DataFile<C>, offset)
      this.offset = offset
      this.#hasLeftover = false
    }
    const count = recordCount - this.recordCount
    if (count <= 0) return seq
    const index = this.#index ?? this.#openIndex()
    this.#actions.skipRecords(index, count)
    this.runs.append(index, seq, count)
    index.recordCount += count
    return seq + count
  }

  // ---- pairing ---------------------------------------------------------------------------------------------------

  /** Gives a complete packet its index file; past the pivot of a rotation it waits for the file it will move to. */
  #attach(entry: InFlight<C>): void {
    const rotation = this.#rotation
    let index = this.#index
    if (rotation?.indexDone === true) {
      if (entry.seq > rotation.pivot) return
      if (rotation.oldIndex === undefined) {
        rotation.oldIndex = this.#openIndex()
        this.#index = undefined
      }
      index = rotation.oldIndex
    }
    entry.index = index ?? this.#openIndex()
    entry.index.userCount++
  }

  #openIndex(): IndexFile<C> {
    const data = this.file as DataFile<C>
    const index: IndexFile<C> = { data, recordCount: 0, userCount: 1 }
    this.#actions.openIndex(index)
    this.#index = index
    return index
  }

  #flush(entry: InFlight<C>, fields: Buffer, at: number): void {
    const index = entry.index as IndexFile<C>
    if (!index.data.isOverwritten) {
      this.#actions.record(index, entry.offset, fields, at)
      this.runs.append(index, this.indexCount)
    }
    index.recordCount++
    this.indexCount++
    this.prevIndexSeq = entry.seq
    this.receivedPacketSeqNum = entry.packetSeqNum
    if (entry.order > this.#flushedOrderMax) this.#flushedOrderMax = entry.order
    this.#drop(entry)
  }

  #drop(entry: InFlight<C>): void {
    const index = entry.index
    this.#inFlight.remove(entry)
    this.#dropIndexUser(index)
  }

  #leaveIndex(): void {
    this.#dropIndexUser(this.#index)
    this.#index = undefined
  }

  #dropIndexUser(index: IndexFile<C> | undefined): void {
    if (index !== undefined && --index.userCount === 0) this.#actions.closeIndex(index)
  }

  // ---- tracefile ring --------------------------------------------------------------------------------------------

  #fitTracefile(dataSize: number): void {
    if (this.tracefileSize > 0 && this.offset + dataSize > this.tracefileSize) this.#nextTracefile()
  }

  #nextTracefile(): void {
    const old = this.file as DataFile<C>
    const file = this.#ring.next(old)
    this.left.add(this.offset, this.#index)
    this.#actions.closeData(old)
    this.#leaveIndex()
    if (this.#rotation !== undefined) {
      this.#dropIndexUser(this.#rotation.oldIndex)
      this.#rotation.oldIndex = undefined
    }
    this.runs.dropFile(file.number, old.chunk)
    this.#actions.openData(file, this.#ring.hasWrapped)
    this.file = file
    this.offset = 0
  }

  // ---- rotation to another chunk ---------------------------------------------------------------------------------

  #tryRotateIndex(): void {
    const rotation = this.#rotation
    if (rotation === undefined || rotation.indexDone) return
    if (this.receivedPacketSeqNum === undefined || this.receivedPacketSeqNum + 1n < rotation.at) return
    rotation.indexDone = true
    rotation.pivot = this.prevIndexSeq
    rotation.oldIndex = this.#index
    this.#index = undefined
  }

  #tryRotateData(): boolean {
    const rotation = this.#rotation
    if (rotation === undefined || !rotation.indexDone || this.isMetadata) return true
    if (this.prevDataSeq === noSeq || this.prevDataSeq < rotation.pivot) return true
    if (this.#isArriving) return true
    if (this.prevDataSeq === rotation.pivot) {
      this.#switchFile()
      return true
    }
    if (rotation.chunk === undefined) return false
    this.#moveTail(rotation.chunk)
    return true
  }

  /** Packets stored past the last indexed one belong to the new chunk: their bytes and in-flight entries move there. */
  #moveTail(chunk: C): void {
    const moved: Array<InFlight<C>> = []
    this.#inFlight.forEach((entry) => {
      const isStored = entry.hasData && entry.file?.isOverwritten === false
      if (isStored && entry.order > this.#flushedOrderMax) moved.push(entry)
    })
    moved.sort((a, b) => a.order - b.order)
    this.#cutLeftover()
    const oldFile = this.file
    const oldIndexes = moved.map((entry) => entry.index)
    const cuts = new Map<DataFile<C>, number>()
    this.file = this.#ring.start(chunk)
    this.left.begin()
    this.offset = 0
    this.#actions.openData(this.file, false)
    for (const entry of moved) {
      const from = entry.file as DataFile<C>
      if (!cuts.has(from)) cuts.set(from, entry.offset)
      this.#fitTracefile(entry.dataSize)
      this.#actions.move(from, entry.offset, entry.total, this.file)
      entry.index = this.#index ?? this.#openIndex()
      entry.index.userCount++
      entry.file = this.file
      entry.offset = this.offset
      this.offset += entry.total
    }
    for (const [file, size] of cuts) this.#actions.truncate(file, size)
    if (oldFile !== undefined) this.#actions.closeData(oldFile)
    for (const index of oldIndexes) this.#dropIndexUser(index)
    this.#completeRotation()
    for (const entry of moved) if (entry.hasControl) this.#flush(entry, entry.fields, 0)
  }

  #switchFile(): void {
    const chunk = (this.#rotation as Rotation<C>).chunk
    this.#cutLeftover()
    if (this.file !== undefined) this.#actions.closeData(this.file)
    this.file = chunk === undefined ? undefined : this.#ring.start(chunk)
    this.left.begin()
    this.offset = 0
    if (this.file !== undefined) this.#actions.openData(this.file, false)
    this.#completeRotation()
  }

  #completeRotation(): void {
    const rotation = this.#rotation as Rotation<C>
    this.#rotation = undefined
    this.#dropIndexUser(rotation.oldIndex)
    if (this.chunk !== undefined) this.#actions.leaveChunk(this.chunk)
    this.chunk = rotation.chunk
    this.completedRotationCount++
    this.lastRotationWasToNull = rotation.chunk === undefined
    if (rotation.chunk !== undefined) this.runs.keepChunk(rotation.chunk)
  }
}
