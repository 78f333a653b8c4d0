/**
 * The metadata of one stream on its way to a relay without trace chunks. Tracers send all of it again for each chunk;
 * what the relay has already is cut off, so that its file has each word once. Pure.
 *
 * Since 2.14 a message is text; before, a packet of CTF 1.8 with text in it, whose header counts the text.
 */
import { headerSize, offsets as metadataOffsets } from "../../protocol/control/SendMetadata.ts"
import * as Header from "../../protocol/Header.ts"
import * as MetadataPacket from "../../protocol/MetadataPacket.ts"

/** What is sent of the beginning of a message, and how many of the bytes after it are left out. */
export interface Cut {
  readonly sent: Buffer | undefined
  readonly skipped: number
}

const textAt = Header.size + headerSize

/** How many bytes of a message are needed to decide what of it is sent; undefined: more than are there. */
export const messageHeadBytes = (message: Buffer): number | undefined =>
  message.length < Header.size
    ? undefined
    : Math.min(textAt + MetadataPacket.headBytes, Header.size + dataSizeOf(message))

const dataSizeOf = (message: Buffer): number => Number(message.readBigUInt64BE(Header.offsets.dataSize))

interface Packet {
  readonly textBytes: number
  readonly write: (textBytes: number) => void
}

/** The packet's header with other sizes. Undefined: the message is text. `head` is a copy that may be changed. */
const packetOf = (head: Buffer): Packet | undefined => {
  if (head.length < textAt + MetadataPacket.headBytes) return undefined
  const isBig = head.readUInt32BE(textAt) === MetadataPacket.magic
  if (!isBig && head.readUInt32LE(textAt) !== MetadataPacket.magic) return undefined
  const at = textAt + MetadataPacket.offsets.contentBits
  const contentBytes = (isBig ? head.readUInt32BE(at) : head.readUInt32LE(at)) / 8
  const write = (textBytes: number) => {
    const bits = 8 * (MetadataPacket.headBytes + textBytes)
    if (isBig) head.writeUInt32BE(bits, at)
    else head.writeUInt32LE(bits, at)
  }
  return { textBytes: Math.max(0, Math.floor(contentBytes) - MetadataPacket.headBytes), write }
}

export class MetadataText {
  /** Bytes that the relay was sent. */
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
    const dataSize = dataSizeOf(message)
    const given = packetOf(message)
    const headBytes = given === undefined ? textAt : textAt + MetadataPacket.headBytes
    const byteCount = Header.size + dataSize - headBytes
    const textBytes = Math.min(given?.textBytes ?? byteCount, byteCount)
    const known = Math.max(0, Math.min(this.#sent - this.#position, textBytes))
    this.#position += textBytes
    this.#sent = Math.max(this.#sent, this.#position)
    if (known === 0) return { sent: message, skipped: 0 }
    // Nothing of it is new; a message without text is none.
    if (known === textBytes) return { sent: undefined, skipped: Header.size + dataSize - message.length }
    message.writeBigUInt64BE(BigInt(dataSize - known), Header.offsets.dataSize)
    if (given !== undefined) {
      given.write(textBytes - known)
      const paddingAt = Header.size + metadataOffsets.paddingSize
      message.writeUInt32BE(message.readUInt32BE(paddingAt) + known, paddingAt)
    }
    const from = Math.min(message.length, headBytes + known)
    const sent = Buffer.concat([message.subarray(0, headBytes), message.subarray(from)])
    return { sent, skipped: headBytes + known - from }
  }
}
