/**
 * Where the text of packetised metadata lies in its file. For each trace chunk the tracer sends all of it again, in
 * other packets than before, since the same text may fill fewer. So what a viewer has of it is counted in bytes of
 * text, not of the file. This is known if each message is whole packets, as LTTng's are (several in a live session).
 * Pure.
 */
import { headBytes, magic, offsets } from "../protocol/MetadataPacket.ts"

/** Most packets that are remembered: a tracer's are of 4 KiB and more, and smaller ones shall not fill our memory. */
export const packetCountMax = 8192

interface Packet {
  /** Byte offset in the file. */
  readonly at: number
  readonly byteCount: number
  readonly textFrom: number
  readonly textCount: number
}

/** What is to be sent: `head`, then the file from byte `from` on. */
export interface Rest {
  readonly head: Buffer
  readonly from: number
}

export class MetadataText {
  /** How many times the metadata began anew. */
  generation = 0
  /** Bytes of text so far; undefined: it is not known where the text lies. */
  byteCount: number | undefined = 0
  #packets: Array<Packet> = []
  #fileCount = 0
  readonly #head = Buffer.alloc(headBytes)
  #headFilled = 0
  /** The packets of the message that is arriving. Undefined: it is not whole packets. */
  #arriving: Array<Packet> | undefined = []
  /** Bytes of the newest of them that have not arrived. */
  #left = 0

  /** A message begins. */
  begin(): void {
    this.#arriving = []
    this.#headFilled = 0
    this.#left = 0
  }

  read(bytes: Buffer, from: number, to: number): void {
    let at = from
    while (at < to && this.#arriving !== undefined) {
      const passed = Math.min(this.#left, to - at)
      this.#left -= passed
      at += passed
      const copied = bytes.copy(this.#head, this.#headFilled, at, to)
      this.#headFilled += copied
      at += copied
      if (this.#headFilled === headBytes) this.#arriving = this.#withPacket(this.#arriving)
    }
  }

  /** The message is whole: `byteCount` bytes, padding included. */
  end(byteCount: number): void {
    const fileCount = this.#fileCount + byteCount
    const last = this.#arriving?.at(-1)
    const isWhole = this.#headFilled === 0 && last !== undefined && last.at + last.byteCount === fileCount
    if (this.#arriving === undefined || this.byteCount === undefined || !isWhole) {
      this.forget()
      return
    }
    for (const packet of this.#arriving) this.#packets.push(packet)
    this.#fileCount = fileCount
    this.byteCount = last.textFrom + last.textCount
  }

  /** The metadata begins anew, in another file. */
  restart(): void {
    this.generation++
    this.byteCount = 0
    this.#packets = []
    this.#fileCount = 0
  }

  /** Gives up knowing where the text lies, until the metadata begins anew. */
  forget(): void {
    this.byteCount = undefined
    this.#packets = []
  }

  /** What comes after `textCount` bytes of text; the rest of a packet is sent as a packet with a head of its own. */
  after(textCount: number): Rest | undefined {
    const packet = this.#packets.find(({ textFrom, textCount: count }) => textFrom + count > textCount)
    if (packet === undefined) return undefined
    const skipped = textCount - packet.textFrom
    if (skipped === 0) return { head: Buffer.alloc(0), from: packet.at }
    const head = Buffer.from(this.#head)
    head.writeUInt32LE(0, offsets.checksum)
    this.#write((headBytes + packet.textCount - skipped) * 8, head, offsets.contentBits)
    this.#write((packet.byteCount - skipped) * 8, head, offsets.packetBits)
    return { head, from: packet.at + headBytes + skipped }
  }

  get #isLittleEndian(): boolean {
    return this.#head.readUInt32LE() === magic
  }

  #write(value: number, head: Buffer, at: number): void {
    if (this.#isLittleEndian) head.writeUInt32LE(value, at)
    else head.writeUInt32BE(value, at)
  }

  /** Adds the packet whose head has arrived; undefined: it is none. */
  #withPacket(before: Array<Packet>): Array<Packet> | undefined {
    const head = this.#head
    const isPacket = this.#isLittleEndian || head.readUInt32BE() === magic
    const sizeAt = (at: number) => (this.#isLittleEndian ? head.readUInt32LE(at) : head.readUInt32BE(at)) / 8
    const contentBytes = sizeAt(offsets.contentBits)
    const byteCount = sizeAt(offsets.packetBits)
    const isSound = contentBytes >= headBytes && contentBytes <= byteCount && Number.isInteger(contentBytes)
    if (!isPacket || !isSound || !Number.isInteger(byteCount)) return undefined
    if (this.#packets.length + before.length === packetCountMax) return undefined
    this.#headFilled = 0
    this.#left = byteCount - headBytes
    const last = before.at(-1)
    const at = last === undefined ? this.#fileCount : last.at + last.byteCount
    const textFrom = last === undefined ? (this.byteCount ?? 0) : last.textFrom + last.textCount
    before.push({ at, byteCount, textFrom, textCount: contentBytes - headBytes })
    return before
  }
}
