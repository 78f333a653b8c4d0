/**
 * Reads a journal's records one after the other, and finds out which of them are damaged or gone.
 *
 * Damage costs as little as it can: a packet of which a part is damaged is left out whole, and its index with it; what
 * else is damaged is left out alone, but for the rest of a long command, whose length matters more than its bytes. A
 * stream whose handle is not known any more is left out whole (`Unhandled`).
 */
import * as AddStream from "../../protocol/control/AddStream.ts"
import * as RotateStreams from "../../protocol/control/RotateStreams.ts"
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import * as Header from "../../protocol/Header.ts"
import { beginWithStream } from "../../protocol/journal/Handles.ts"
import { headBytes, isWhole, Kind, offsets } from "../../protocol/journal/Record.ts"
import { u64At } from "../../protocol/Struct.ts"
import { checksums } from "./Checksums.ts"
import { Needed } from "./Needed.ts"
import { type Altered, refused, Unhandled, withoutPositions } from "./Unhandled.ts"

/** The packet or command that a record which is left out belongs to. */
export interface Lost {
  readonly connection: number
  /** Number of its first record. */
  readonly first: number
  /** It is left out only for want of this record: a relay that has had that takes it. */
  readonly cause?: number
}

/** By record number. Undefined: the record is damaged, but is sent as it is. */
export type Skipped = ReadonlyMap<number, Lost | undefined>

/** Names a packet. */
interface Key {
  readonly stream: number
  readonly sequence: number
}

/** A packet or a command. */
interface Message extends Lost {
  /** Undefined: not a packet, or its header cannot be read. */
  readonly key: Key | undefined
  readonly isPacket: boolean
  readonly numbers: Array<number>
  /** Bytes of the packet that are still to come. */
  leftBytes: number
  isLost: boolean
}

/** An index may come before its packet, but not long before. */
const earlyIndexCountMax = 4096

/** The newest indexes: nothing is looked up in them unless a packet is lost. */
class Indexes {
  readonly #numbers = new Float64Array(earlyIndexCountMax)
  readonly #streams = new Float64Array(earlyIndexCountMax)
  readonly #sequences = new Float64Array(earlyIndexCountMax)
  #count = 0

  add({ sequence, stream }: Key, number: number): void {
    const at = this.#count++ % earlyIndexCountMax
    this.#numbers[at] = number
    this.#streams[at] = stream
    this.#sequences[at] = sequence
  }

  /** The number of the record that has it. */
  find({ sequence, stream }: Key): number | undefined {
    for (let back = 1; back <= Math.min(this.#count, earlyIndexCountMax); back++) {
      const at = (this.#count - back) % earlyIndexCountMax
      if (this.#streams[at] === stream && this.#sequences[at] === sequence) return this.#numbers[at]
    }
    return undefined
  }
}

const textOf = ({ sequence, stream }: Key) => `${stream}/${sequence}`
/** More packets than this are never missing because of damage. */
const gapMax = 1000n

export class History {
  last = 0
  isFinished = false
  readonly open = new Set<number>()
  readonly skipped = new Map<number, Lost | undefined>()
  readonly damage: Array<string> = []
  /** Records of which others are sent. */
  readonly altered = new Map<number, Altered>()
  readonly needed = new Needed()
  readonly #unhandled = new Unhandled()
  /** The newest packet or command of each connection. */
  readonly #messages = new Map<number, Message>()
  /** By stream: the sequence number of the newest packet. */
  readonly #newest = new Map<bigint, bigint>()
  readonly #lostKeys = new Set<string>()
  readonly #indexes = new Indexes()
  /** Of the segments. */
  #directory = ""
  #hasBegun = false
  #isFromFirst = false
  #isBroken = false

  /**
   * A segment begins with record `first`. What was before the oldest segment was freed. Between segments nothing may
   * be missing: each keeps its last record, whatever is dropped of it.
   */
  begins(first: number, directory: string): void {
    this.#directory = directory
    if (this.#hasBegun && first > this.last + 1) {
      this.damage.push(`${directory}: records ${this.last + 1} to ${first - 1} are not there`)
      this.broken()
    }
    if (!this.#hasBegun) this.#isFromFirst = first === 1
    this.#hasBegun = true
    this.last = Math.max(this.last, first - 1)
  }

  see(bytes: Buffer, at: number, where: string): void {
    const number = u64At(bytes, at)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    const isDamaged = !isWhole(bytes, at, checksums)
    const from = at + headBytes
    const to = from + bytes.readUInt32BE(at + offsets.byteCount)
    this.last = number
    if (isDamaged) this.damage.push(`${where}: record ${number} is damaged`)
    if (kind === Kind.end) this.open.delete(connection)
    else if (kind === Kind.finish) this.isFinished = true
    // The record that opened the connection may have been freed. Records without a connection stand for dropped ones.
    else if (connection > 0) this.open.add(connection)
    if (kind === Kind.rest) {
      this.#rest(number, connection, to - from, isDamaged)
      return
    }
    const before = this.#messages.get(connection)
    if (kind === Kind.packet && before !== undefined && before.leftBytes > 0) this.#lose(before)
    this.#messages.delete(connection)
    const lost = { connection, first: number }
    if (kind === Kind.packet) this.#packet(lost, bytes, from, to, isDamaged)
    else if (kind === Kind.command) this.#command(lost, bytes, from, to, isDamaged)
    else if (kind === Kind.handle) this.#handle(lost, bytes, from, isDamaged)
    else if (isDamaged) this.skipped.set(number, lost)
  }

  #handle(lost: Lost, bytes: Buffer, from: number, isDamaged: boolean): void {
    const { connection, first } = lost
    const isAsked = this.#unhandled.isAsked(connection)
    if (isDamaged) {
      this.#unhandled.lostHandle(first, this.#isFromFirst)
      // The next one would be taken for it.
      this.skipped.set(first, isAsked ? undefined : lost)
      if (isAsked) this.altered.set(first, refused(first))
    } else if (isAsked) this.#unhandled.given(bytes.readBigUInt64BE(from))
    else {
      this.#unhandled.lostStream(bytes.readBigUInt64BE(from), first)
      this.skipped.set(first, lost)
    }
  }

  /** What is said of the stream is left out for want of that record. */
  #causeOf(stream: bigint): number | undefined {
    const cause = this.#unhandled.causeOf(stream)
    if (cause !== undefined && this.#unhandled.isNew(stream)) {
      const why = `unless the relay had record ${cause}`
      this.damage.push(`${this.#directory}: stream ${stream} is left out, ${why}`)
    }
    return cause
  }

  #packet(lost: Lost, bytes: Buffer, from: number, to: number, isDamaged: boolean): void {
    const { connection, first } = lost
    const { offsets: at, size } = PacketHeader
    const stream = bytes.readBigUInt64BE(from + at.streamId)
    const sequence = bytes.readBigUInt64BE(from + at.netSeqNum)
    const leftBytes = size + bytes.readUInt32BE(from + at.dataSize) - (to - from)
    const cause = isDamaged ? undefined : this.#causeOf(stream)
    const isLost = isDamaged || cause !== undefined
    const key = isLost ? undefined : { stream: Number(stream), sequence: Number(sequence) }
    const message: Message = {
      connection,
      first,
      ...(cause === undefined ? {} : { cause }),
      key,
      isPacket: true,
      numbers: [first],
      leftBytes,
      isLost: false
    }
    this.#messages.set(connection, message)
    if (isLost) {
      this.#lose(message)
      return
    }
    this.needed.packet(stream, sequence, first)
    const newest = this.#newest.get(stream)
    this.#newest.set(stream, sequence)
    // Packets in between were damaged beyond recognition, or dropped. Without them their indexes would wait for ever.
    if (newest === undefined || sequence - newest > gapMax) return
    for (let missing = newest + 1n; missing < sequence; missing++) {
      this.#loseKey({ stream: Number(stream), sequence: Number(missing) })
    }
  }

  #command(lost: Lost, bytes: Buffer, from: number, to: number, isDamaged: boolean): void {
    const { connection, first } = lost
    const message = {
      connection,
      first,
      key: undefined,
      isPacket: false,
      numbers: [first],
      leftBytes: 0,
      isLost: false
    }
    this.#messages.set(connection, message)
    if (isDamaged) {
      this.#unhandled.lostCommand(connection)
      this.#lose(message)
      return
    }
    const command = bytes.readUInt32BE(from + Header.offsets.command)
    const fields = from + Header.size
    if (command === AddStream.number) this.#unhandled.asked(connection)
    if (command === RotateStreams.number) {
      this.needed.rotation(bytes, fields, to, first)
      const altered = withoutPositions(bytes, from, to, (stream) => this.#causeOf(stream))
      if (altered !== undefined) this.altered.set(first, altered)
    }
    const isOfStream = beginWithStream.has(command) && to - fields >= 8
    const cause = isOfStream ? this.#causeOf(bytes.readBigUInt64BE(fields)) : undefined
    if (cause !== undefined) {
      const without = { ...message, cause }
      this.#messages.set(connection, without)
      this.#lose(without)
      return
    }
    if (command !== SendIndex.number) return
    const stream = u64At(bytes, fields + SendIndex.offsets.relayStreamId)
    const key = { stream, sequence: u64At(bytes, fields + SendIndex.offsets.netSeqNum) }
    if (this.#lostKeys.size > 0 && this.#lostKeys.has(textOf(key))) this.skipped.set(first, lost)
    else this.#indexes.add(key, first)
  }

  /** Records between the last and the next are gone. They may have been parts of packets of any connection. */
  broken(): void {
    this.#isBroken = true
    for (const [connection, message] of this.#messages) {
      if (message.leftBytes > 0) this.#lose(message)
      else if (message.isPacket) this.#messages.delete(connection)
    }
  }

  /** The packet or command that a record of kind `rest` continues. */
  #messageOf(connection: number, first: number): Message | undefined {
    const message = this.#messages.get(connection)
    if (message !== undefined || !this.#isBroken) return message
    const leftBytes = Number.POSITIVE_INFINITY
    const lost = { connection, first, key: undefined, isPacket: true, numbers: [], leftBytes, isLost: true }
    this.#messages.set(connection, lost)
    return lost
  }

  #rest(number: number, connection: number, byteCount: number, isDamaged: boolean): void {
    const message = this.#messageOf(connection, number)
    if (message === undefined || !message.isPacket) {
      if (message?.isLost === true) this.skipped.set(number, message)
      else if (isDamaged) this.skipped.set(number, undefined)
      return
    }
    message.numbers.push(number)
    message.leftBytes -= byteCount
    if (message.isLost || isDamaged || message.leftBytes < 0) this.#lose(message)
  }

  #lose(message: Message): void {
    if (!message.isLost && message.key !== undefined) {
      this.damage.push(`${this.#directory}: packet ${textOf(message.key)} is left out`)
      this.#loseKey(message.key)
    }
    message.isLost = true
    for (const number of message.numbers.splice(0)) this.skipped.set(number, message)
  }

  #loseKey(key: Key): void {
    this.#lostKeys.add(textOf(key))
    const index = this.#indexes.find(key)
    if (index !== undefined) this.skipped.set(index, { connection: 0, first: index })
  }
}
