/** Hears a data connection: its packets become records of the journals that their streams belong to. */
import { clockMillis } from "../../Machine.ts"
import { PacketFramer, type PacketSink } from "../../protocol/data/PacketFramer.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import { Kind, pieceBytesMax } from "../../protocol/journal/Record.ts"
import type { Peer } from "../../transport/Peer.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Journals } from "./Journals.ts"
import { TappedPeer } from "./TappedPeer.ts"

export class TappedData extends TappedPeer implements PacketSink {
  readonly #journals: Journals
  readonly #framer = new PacketFramer(this)
  /** The journal that knows this connection, and its number there. Real peers send one session by a connection. */
  readonly #connections = new Map<Journal, number>()
  readonly #header = Buffer.alloc(PacketHeader.size)
  #journal: Journal | undefined
  #connection = 0
  #hasHeader = false
  #dataSize = 0
  /** Bytes of it that are still to come. */
  #restBytes = 0
  /** Its part in `Crowd`. */
  window = 0
  #rests = false
  /** The stream of the packet that has begun and not ended. */
  #stream: bigint | undefined
  #sequence = 0n
  /** The packet that has begun is counted as lost. */
  #isLost = false

  constructor(peer: Peer, journals: Journals) {
    super(peer, journals.spool)
    this.#journals = journals
  }

  /** A packet that only began has moved a ring to its next file, or emptied it. */
  readonly #sayHeader = (): void => {
    if (this.#hasHeader) this.#begin(this.#header, 0, 0)
  }

  protected hear(bytes: Buffer, length: number): void {
    this.#framer.push(bytes, length)
    this.#journal?.writing.flushSoon(this.#stream !== undefined)
    this.#rests = this.#journals.crowd.rests(this, clockMillis(), length, this.#restBytes)
  }

  protected override get rests(): boolean {
    return this.#rests
  }

  protected get owner(): Journal | undefined {
    return this.#journal
  }

  protected get mayTake(): boolean {
    return this.spool.holding.hasRoomFor(this.#journal, this.#stream !== undefined)
  }

  protected override held(isHeld: boolean): void {
    // What waited for more is written now: no more comes, and the relay may need it before there can be room.
    if (isHeld) this.#journal?.writing.flush()
    this.#journal?.halves.holdPackets(isHeld)
  }

  protected left(isBroken: boolean): void {
    // It belongs to the session of its first packet (streaming.md §7.1): to others its end means nothing.
    let isFirst = true
    for (const [journal, connection] of this.#connections) {
      journal.leave(connection, isFirst ? isBroken : undefined)
      journal.beforeEnds.delete(this.#sayHeader)
      isFirst = false
    }
    this.#connections.clear()
  }

  send(bytes: Uint8Array, sent?: () => void): boolean {
    return this.peer.send(bytes, sent)
  }

  // ---- PacketSink ------------------------------------------------------------------------------------------------

  packetBegin(streamId: bigint, netSeqNum: bigint, dataSize: number, paddingSize: number): boolean {
    const journal = this.#journals.streams.get(streamId)
    // The relay here ends the connection.
    if (journal === undefined || (journal.isFinished && !journal.isStopped)) return false
    this.#dataSize = dataSize
    this.#restBytes = dataSize
    this.#isLost = journal.isStopped
    if (this.#isLost) this.spool.lose(journal, dataSize)
    const { offsets } = PacketHeader
    this.#header.writeBigUInt64BE(streamId, offsets.streamId)
    this.#header.writeBigUInt64BE(netSeqNum, offsets.netSeqNum)
    this.#header.writeUInt32BE(dataSize, offsets.dataSize)
    this.#header.writeUInt32BE(paddingSize, offsets.paddingSize)
    this.#hasHeader = true
    this.#stream = streamId
    this.#sequence = netSeqNum
    journal.needed.packet(streamId, netSeqNum, journal.last)
    if (journal !== this.#journal) this.#enter(journal)
    return true
  }

  #enter(journal: Journal): void {
    this.#journal?.writing.flush()
    this.#journal = journal
    let connection = this.#connections.get(journal)
    if (connection === undefined) {
      connection = journal.join(Kind.data)
      journal.beforeEnds.add(this.#sayHeader)
      this.#connections.set(journal, connection)
    }
    this.#connection = connection
  }

  payload(bytes: Buffer, from: number, to: number): boolean {
    this.#restBytes -= to - from
    let at = from
    if (this.#hasHeader) at = this.#begin(bytes, from, Math.min(to, from + pieceBytesMax - PacketHeader.size))
    for (; at < to; at += pieceBytesMax) {
      const end = Math.min(to, at + pieceBytesMax)
      this.#journal?.append(Kind.rest, this.#connection, { bytes, from: at, to: end })
    }
    return true
  }

  #begin(bytes: Buffer, from: number, to: number): number {
    const header = { bytes: this.#header, from: 0, to: PacketHeader.size }
    this.#journal?.append(Kind.packet, this.#connection, header, { bytes, from, to })
    if (this.#stream !== undefined) this.#journal?.halves.begun(this.#stream, this.#sequence)
    this.#hasHeader = false
    return to
  }

  packetEnd(): boolean {
    // A packet without a payload is whole at once.
    if (this.#hasHeader) this.#begin(this.#header, 0, 0)
    if (this.#stream !== undefined) this.#journal?.halves.packet(this.#stream, this.#sequence)
    this.#stream = undefined
    // Its session was stopped: the part that came before is lost with the rest.
    if (!this.#isLost && this.#journal?.isStopped === true) this.spool.lose(this.#journal, this.#dataSize)
    return true
  }
}
