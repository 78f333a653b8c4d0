/**
 * Hears a control connection: each command from CREATE_SESSION on becomes a record. Answers wait until all that was
 * heard before them is written.
 *
 * Commands that only ask are not written: they had their answer here, and change nothing at the relay.
 */
import { type Effect, Latch, Result } from "effect"
import { clockMillis } from "../../Machine.ts"
import { CommandFramer, type CommandSink, flow } from "../../protocol/control/CommandFramer.ts"
import {
  AddStream,
  BeginDataPending,
  CreateSession,
  DataPending,
  EndDataPending,
  GetConfiguration,
  QuiescentControl,
  RotateStreams,
  SendIndex,
  SendMetadata,
  StartData,
  TraceChunkExists,
  Version
} from "../../protocol/control/index.ts"
import * as Header from "../../protocol/Header.ts"
import * as OpenJournal from "../../protocol/journal/OpenJournal.ts"
import { Kind, pieceBytesMax } from "../../protocol/journal/Record.ts"
import { Replies } from "../../protocol/journal/Replies.ts"
import * as ReturnCode from "../../protocol/ReturnCode.ts"
import type { Peer } from "../../transport/Peer.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Part } from "../journal/Tail.ts"
import type { Journals } from "./Journals.ts"
import { TappedPeer } from "./TappedPeer.ts"

const questions: ReadonlySet<number> = new Set([
  BeginDataPending.number,
  DataPending.number,
  EndDataPending.number,
  GetConfiguration.number,
  QuiescentControl.number,
  StartData.number,
  TraceChunkExists.number
])

/** Of a stream that was refused. */
const noHandle: Part = { bytes: Buffer.alloc(8, 0xff), from: 0, to: 8 }

/** Bytes of a command that are kept: more than any needs, but for a rotation, which may have any number of streams. */
const payloadBytesMax = 1024 * 1024

/** A packet that is so late may never come; it is waited for longer if nothing can be freed before it comes. */
const earlyMillisMax = 100
const earlyMillisMaxFull = 2000

export class TappedControl extends TappedPeer implements CommandSink {
  readonly #journals: Journals
  readonly #framer = new CommandFramer(this)
  readonly #replies = new Replies((command, bytes, from) => this.#answered(command, bytes, from))
  readonly #header = Buffer.alloc(Header.size)
  /** What was said before there was a journal. */
  #version: Buffer | undefined
  #journal: Journal | undefined
  #connection = 0
  readonly #closed = Latch.makeUnsafe(false)
  readonly closed: Effect.Effect<void> = this.#closed.await
  /** Another edge brings a journal by this connection: from then on `pass/` hears it. */
  #isOfEdge = false
  /** The head of a metadata message, until its first record is written. */
  #metadataHead: Buffer | undefined
  #metadataFilled = 0
  /** Since when an index waits for a packet on a connection that is read. */
  #earlySince: number | undefined
  /** At most what the relay can do, as far as that is known: so the tracer itself refuses what the relay cannot do. */
  readonly minor: number | undefined
  readonly clears: boolean | undefined

  constructor(peer: Peer, journals: Journals) {
    super(peer, journals.spool)
    this.#journals = journals
    const relay = journals.relay()
    this.minor = relay?.minor
    this.clears = relay?.clears
  }

  protected hear(bytes: Buffer, length: number): void {
    // The sink takes everything in the call.
    for (let at = 0; at < length && !this.#framer.isDead && !this.#isOfEdge; ) at = this.#framer.push(bytes, at, length)
    this.#journal?.writing.flush()
  }

  protected get owner(): Journal | undefined {
    return this.#journal
  }

  /** Commands are small, and the relay may need one before it can take what is in the spool. */
  protected get mayTake(): boolean {
    return this.#isOfEdge || (!this.#isEarly && this.spool.holding.hasRoomForCommands(this.#journal))
  }

  /**
   * Whether to stop reading commands because their indexes run ahead of the packets: a tracer that is answered sends
   * the next packet before this one is read, until the sockets are full. At most for `earlyMillisMax`, or for as long
   * as the packets themselves are held back.
   */
  get #isEarly(): boolean {
    // Of what goes nowhere no packet is counted.
    const halves = this.#journal?.isStopped === true ? undefined : this.#journal?.halves
    const isEarly = halves?.hasEarlyIndex === true && this.spool.isTight
    if (!isEarly || halves.arePacketsHeld) {
      this.#earlySince = undefined
      return isEarly
    }
    const now = clockMillis()
    this.#earlySince ??= now
    const millisMax = this.spool.holding.hasRoom ? earlyMillisMax : earlyMillisMaxFull
    if (now - this.#earlySince < millisMax) return true
    this.#earlySince = undefined
    return false
  }

  protected left(isBroken: boolean): void {
    this.#journal?.leave(this.#connection, isBroken)
  }

  send(bytes: Uint8Array, sent?: () => void): boolean {
    if (!this.#isOfEdge) this.#replies.push(bytes)
    const journal = this.#journal
    if (journal === undefined) return this.peer.send(bytes, sent)
    journal.whenWritten(() => this.peer.send(bytes, sent))
    return true
  }

  override close(): void {
    const journal = this.#journal
    const closed = () => {
      super.close()
      this.#closed.openUnsafe()
    }
    // After the answers that still wait.
    if (journal !== undefined) journal.whenWritten(closed)
    else closed()
  }

  // ---- CommandSink -----------------------------------------------------------------------------------------------

  header(command: number, dataSize: number): number {
    if (command !== SendMetadata.number) return payloadBytesMax
    this.#writeHeader(command, dataSize)
    this.#metadataHead = Buffer.alloc(Header.size + SendMetadata.headerSize)
    this.#header.copy(this.#metadataHead)
    this.#metadataFilled = Header.size
    return flow
  }

  #writeHeader(command: number, dataSize: number): void {
    this.#header.writeBigUInt64BE(BigInt(dataSize), Header.offsets.dataSize)
    this.#header.writeUInt32BE(command, Header.offsets.command)
  }

  command(number: number, payload: Buffer, from: number, to: number): boolean {
    if (number === Version.number && to - from >= 8) return this.#said(Buffer.from(payload.subarray(from, to)))
    if (number === OpenJournal.number && this.#journal === undefined) this.#isOfEdge = true
    this.#replies.asked(number, payload, from, to)
    if (number === CreateSession.number && this.#journal === undefined) this.#begin(payload, from, to)
    if (number === RotateStreams.number) this.#rotates(payload, from, to)
    if (!questions.has(number) && this.#journal !== undefined) this.#write(number, payload, from, to)
    if (number === SendIndex.number && to - from >= SendIndex.offsets.packetSize + 8) {
      this.#journal?.halves.index(payload, from)
    }
    return true
  }

  #rotates(payload: Buffer, from: number, to: number): void {
    this.#journal?.needed.rotation(payload, from, to, this.#journal.last)
  }

  /** The version that both sides speak. */
  #said(version: Buffer): boolean {
    const minor = version.readUInt32BE(4)
    version.writeUInt32BE(Math.min(minor, this.minor ?? minor), 4)
    this.#replies.asked(Version.number, version, 0, version.length)
    if (this.#journal === undefined) this.#version = version
    else this.#write(Version.number, version, 0, version.length)
    return true
  }

  #write(number: number, payload: Buffer, from: number, to: number): void {
    this.#writeHeader(number, to - from)
    const header = { bytes: this.#header, from: 0, to: Header.size }
    this.#journal?.append(Kind.command, this.#connection, header, { bytes: payload, from, to })
  }

  #begin(payload: Buffer, from: number, to: number): void {
    const request = CreateSession.request(this.#replies.minor).decode(payload.subarray(from, to))
    const version = this.#version
    // The relay here refuses it, and nothing follows.
    if (Result.isFailure(request) || version === undefined) return
    const journal = this.#journals.of(request.success)
    this.#connection = journal.join(Kind.control)
    this.#journal = journal
    this.#write(Version.number, version, 0, version.length)
  }

  flow(bytes: Buffer, from: number, to: number): void {
    const journal = this.#journal
    if (journal === undefined) return
    const head = this.#metadataHead
    let at = from
    if (head !== undefined) {
      const taken = Math.min(to - at, head.length - this.#metadataFilled)
      bytes.copy(head, this.#metadataFilled, at, at + taken)
      this.#metadataFilled += taken
      at += taken
      if (this.#metadataFilled < head.length) return
      this.#metadataHead = undefined
      const end = Math.min(to, at + pieceBytesMax - head.length)
      const first = { bytes: head, from: 0, to: head.length }
      journal.append(Kind.command, this.#connection, first, { bytes, from: at, to: end })
      at = end
    }
    for (; at < to; at += pieceBytesMax) {
      const end = Math.min(to, at + pieceBytesMax)
      journal.append(Kind.rest, this.#connection, { bytes, from: at, to: end })
    }
  }

  /** Of a message too short to be one nothing is written: the relay here ends the connection. */
  flowEnd(): void {}

  // ---- answers ---------------------------------------------------------------------------------------------------

  #answered(command: number, bytes: Buffer, from: number): void {
    if (command === CreateSession.number) {
      const isMade = bytes.readUInt32BE(from + 8) === ReturnCode.OK
      if (!isMade) this.#withdraw()
      else if (this.#journal !== undefined) {
        this.#journals.made(Number(bytes.readBigUInt64BE(from)), this.#journal)
      }
    }
    if (command !== AddStream.number || this.#journal === undefined) return
    const isAdded = bytes.readUInt32BE(from + 8) === ReturnCode.OK
    // One that is refused may have been given a number, too.
    this.#journal.append(Kind.handle, this.#connection, isAdded ? { bytes, from, to: from + 8 } : noHandle)
    if (isAdded) this.#journals.streams.set(bytes.readBigUInt64BE(from), this.#journal)
  }

  /** The relay here refused the session. */
  #withdraw(): void {
    const journal = this.#journal
    this.#journal = undefined
    if (journal !== undefined) this.#journals.refused(journal, this.#connection)
  }
}
