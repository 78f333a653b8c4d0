/** A tracer's connection, as its journal knows it. */
import * as CreateSession from "../../protocol/control/CreateSession.ts"
import * as Version from "../../protocol/control/Version.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import * as Header from "../../protocol/Header.ts"
import { Kind } from "../../protocol/journal/Record.ts"
import type { Replies } from "../../protocol/journal/Replies.ts"
import { u64At } from "../../protocol/Struct.ts"
import { payloadBytesMax } from "../control/Payloads.ts"
import type { VirtualPeer } from "./VirtualPeer.ts"

export class Tracer {
  /** `Kind.control` or `Kind.data`. */
  readonly kind: number
  readonly peer: VirtualPeer
  readonly replies: Replies
  /** Handles that ADD_STREAM was answered with here, until the record with the edge's own comes; the oldest first. */
  readonly added: Array<bigint> = []
  /** What it has said of itself, by command: its version, its session. */
  readonly introductions = new Map<number, Buffer>()
  /** The relay's id of its session; of a data connection, that of its first packet. */
  sessionId: number | undefined
  /** Where its first stream is: it tells one consumer daemon from another. */
  place: string | undefined
  /** Of the command or packet that began last: bytes that are to come. */
  restBytes = 0

  constructor(kind: number, peer: VirtualPeer, replies: Replies) {
    this.kind = kind
    this.peer = peer
    this.replies = replies
  }

  /**
   * Whether a record of it may come now. Commands and packets are looked at when they begin; bytes beyond their own
   * would be others that nobody looked at, with handles of the relay, and that a restart would not know of. Parts of
   * packets may be missing: an edge loses such.
   */
  takes(kind: number, bytes: Buffer, from: number, to: number): boolean {
    const byteCount = to - from
    if (kind === Kind.handle) return byteCount === 8
    if (kind === Kind.end) return byteCount === 1
    if (kind === Kind.withdrawn) return true
    if (kind === Kind.rest) return byteCount <= this.restBytes
    if (this.kind === Kind.data)
      return kind === Kind.packet && byteCount >= PacketHeader.size && byteCount <= packetBytesOf(bytes, from)
    if (kind !== Kind.command || this.restBytes > 0 || byteCount < Header.size) return false
    return byteCount <= commandBytesOf(bytes, from)
  }

  /** The edge has lost the rest of the packet that began last. */
  withdraw(): void {
    this.restBytes = 0
    this.peer.withdraw()
  }

  /** A packet begins: `bytes[from, to)`. */
  packetBegins(bytes: Buffer, from: number, to: number): void {
    // The one before was not whole: its rest was lost at the edge.
    if (this.restBytes > 0) this.withdraw()
    this.restBytes = packetBytesOf(bytes, from) - (to - from)
  }

  /** A command begins: `bytes[from, to)`. */
  commandBegins(bytes: Buffer, from: number, to: number): void {
    this.restBytes = commandBytesOf(bytes, from) - (to - from)
    const command = bytes.readUInt32BE(from + Header.offsets.command)
    this.replies.asked(command, bytes, from + Header.size, to)
    const keptBytes = introductionBytes.get(command)
    if (keptBytes !== undefined && this.sessionId === undefined) {
      this.introductions.set(command, introductionOf(command, bytes, from + Header.size, to, keptBytes))
    }
  }

  /** It gets no session by what it has said. */
  refused(): void {
    if (this.sessionId === undefined) this.introductions.delete(CreateSession.number)
  }
}

const versionBytes = 8

/** Bytes of their payloads that count; others may follow, as many as a record has, and are read and dropped. */
const introductionBytes: ReadonlyMap<number, number> = new Map([
  [Version.number, versionBytes],
  [CreateSession.number, payloadBytesMax]
])

/** The command without what is dropped of it. */
const introductionOf = (command: number, bytes: Buffer, from: number, to: number, keptBytes: number): Buffer =>
  Buffer.concat(Header.message(command, bytes.subarray(from, Math.min(to, from + keptBytes))))

/** Bytes of the whole command, and of the whole packet, that begins at `from`. */
const commandBytesOf = (bytes: Buffer, from: number): number =>
  Header.size + u64At(bytes, from + Header.offsets.dataSize)
const packetBytesOf = (bytes: Buffer, from: number): number =>
  PacketHeader.size + bytes.readUInt32BE(from + PacketHeader.offsets.dataSize)
