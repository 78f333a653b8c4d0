/**
 * The metadata of one stream on its way to a relay without trace chunks. Tracers send all of it again for each chunk;
 * what the relay has already is cut off, so that its file has each word once. Pure.
 *
 * Since 2.14 a message is text; before, a packet of CTF 1.8 with text in it, whose header counts the text; or, of a
 * live session, several.
 */
import { headerSize, offsets as metadataOffsets } from "../../../protocol/control/SendMetadata.ts"
import * as Header from "../../../protocol/Header.ts"
import * as MetadataPacket from "../../../protocol/MetadataPacket.ts"

/** What is sent of the beginning of a message, and how many of the bytes after it are left out. */
export interface Cut {
  readonly sent: Buffer | undefined
  readonly skipped: number
}

const textAt = Header.size + headerSize

/** A message of several packets is held whole, up to this. */
const severalBytesMax = 4 * 1024 * 1024

const endOf = (message: Buffer): number => Header.size + dataSizeOf(message)

/** How many bytes of a message are needed to decide what of it is sent; undefined: more than are there. */
export const messageHeadBytes = (message: Buffer): number | undefined => {
  if (message.length < Header.size) return undefined
  const head = Math.min(textAt + MetadataPacket.headBytes, endOf(message))
  return hasSeveral(message) ? endOf(message) : head
}

/** Its first packet, whose head is there, ends before it does. */
const hasSeveral = (message: Buffer): boolean => {
  const end = endOf(message)
  const first = packetOf(message, textAt)
  return first !== undefined && end <= severalBytesMax && textAt + first.byteCount < end
}

const dataSizeOf = (message: Buffer): number => Number(message.readBigUInt64BE(Header.offsets.dataSize))

interface Packet {
  readonly textBytes: number
  /** With its padding; no less than its head. */
  readonly byteCount: number
  readonly writeText: (textBytes: number) => void
  readonly writeSize: (byteCount: number) => void
}

/** The packet at `at`; undefined: the message is text. `message` is a copy, whose sizes may be changed. */
const packetOf = (message: Buffer, at: number): Packet | undefined => {
  const { contentBits, packetBits } = MetadataPacket.offsets
  const { headBytes } = MetadataPacket
  if (message.length < at + headBytes) return undefined
  const isBig = message.readUInt32BE(at) === MetadataPacket.magic
  if (!isBig && message.readUInt32LE(at) !== MetadataPacket.magic) return undefined
  const bytesAt = (offset: number) =>
    Math.max(headBytes, Math.floor((isBig ? message.readUInt32BE(at + offset) : message.readUInt32LE(at + offset)) / 8))
  const write = (byteCount: number, offset: number) =>
    isBig ? message.writeUInt32BE(8 * byteCount, at + offset) : message.writeUInt32LE(8 * byteCount, at + offset)
  return {
    textBytes: bytesAt(contentBits) - headBytes,
    byteCount: bytesAt(packetBits),
    writeText: (textBytes) => write(headBytes + textBytes, contentBits),
    writeSize: (byteCount) => write(byteCount, packetBits)
  }
}

export class MetadataText {
  /** Bytes that the relay was sent; never less than the position. */
  #sent = 0
  /** How many bytes of the text the tracer has sent since it began anew. */
  #position = 0

  /** The tracer begins again, with what it said before. */
  rotated(): void {
    this.#position = 0
  }

  /** The tracer begins again, with something else; `isTold`: the relay forgets what it has. */
  reset(isTold: boolean): void {
    this.#position = 0
    if (isTold) this.#sent = 0
  }

  /** `message` is a copy of a message's beginning, at least as long as `messageHeadBytes` says. */
  take(message: Buffer): Cut {
    if (hasSeveral(message)) return this.#several(message)
    const dataSize = dataSizeOf(message)
    const given = packetOf(message, textAt)
    const headBytes = given === undefined ? textAt : textAt + MetadataPacket.headBytes
    const byteCount = Header.size + dataSize - headBytes
    const textBytes = Math.min(given?.textBytes ?? byteCount, byteCount)
    const known = this.#pass(textBytes)
    if (known === 0) return { sent: message, skipped: 0 }
    // Nothing of it is new; a message without text is none.
    if (known === textBytes) return { sent: undefined, skipped: Header.size + dataSize - message.length }
    message.writeBigUInt64BE(BigInt(dataSize - known), Header.offsets.dataSize)
    if (given !== undefined) {
      given.writeText(textBytes - known)
      const paddingAt = Header.size + metadataOffsets.paddingSize
      message.writeUInt32BE(message.readUInt32BE(paddingAt) + known, paddingAt)
    }
    const from = Math.min(message.length, headBytes + known)
    const sent = Buffer.concat([message.subarray(0, headBytes), message.subarray(from)])
    return { sent, skipped: headBytes + known - from }
  }

  /** Of text that comes, how much was sent before: its beginning. */
  #pass(textBytes: number): number {
    const known = Math.min(this.#sent - this.#position, textBytes)
    this.#position += textBytes
    this.#sent = Math.max(this.#sent, this.#position)
    return known
  }

  /** The whole message is there. What is no packet, as none of LTTng's has, is sent as it is. */
  #several(message: Buffer): Cut {
    const end = message.length
    const parts: Array<Buffer> = []
    for (let at = textAt; at < end; ) {
      const packet = packetOf(message, at)
      const to = Math.min(end, at + (packet?.byteCount ?? end))
      const from = Math.min(to, at + MetadataPacket.headBytes)
      const textBytes = Math.min(packet?.textBytes ?? 0, to - from)
      const known = this.#pass(textBytes)
      if (known === 0) parts.push(message.subarray(at, to))
      if (packet !== undefined && known > 0 && known < textBytes) {
        packet.writeText(textBytes - known)
        packet.writeSize(packet.byteCount - known)
        parts.push(message.subarray(at, from), message.subarray(from + known, to))
      }
      at = to
    }
    if (parts.length === 0) return { sent: undefined, skipped: 0 }
    const sent = Buffer.concat([message.subarray(0, textAt), ...parts])
    sent.writeBigUInt64BE(BigInt(sent.length - Header.size), Header.offsets.dataSize)
    return { sent, skipped: 0 }
  }
}
