/**
 * Where the text of packetised metadata lies in its file. For each trace chunk the tracer sends all of it again, in
 * other packets than before, since the same text may fill fewer. So what a viewer has of it counts in text, not in
 * bytes of the file. Known where each message is whole packets, as LTTng's are; of a live session it has several. Pure.
 */
import { headBytes, magic, offsets } from "../protocol/MetadataPacket.ts"

/** A tracer's are pages of 4 KiB and more; whoever sends smaller ones shall not fill our memory with their places. */
export const packetCountMax = 8192

interface Packet {
  /** In the file. */
  readonly at: number
  readonly byteCount: number
  readonly textFrom: number
  readonly textCount: number
}

/** What of the file is to be sent, and what before it. */
export interface Rest {
  readonly head: Buffer
  readonly from: number
}

export class MetadataText {
  /** How often it began anew. */
  generation = 0
  /** Undefined: where it lies is not known. */
  byteCount: number | undefined = 0
  #packets: Array<Packet> = []
  #fileCount = 0
  readonly #head = Buffer.alloc(headBytes)
  #headFilled = 0
  /** Of the message that arrives. Undefined: it is something else. */
  #arriving: Array<Packet> | undefined = []
  /** Of its newest packet, bytes that have not arrived. */
  #left = 0

  /** A message starts. */
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

  /** The message is whole, with its padding. */
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

  /** In a file of its own. */
  restart(): void {
    this.generation++
    this.byteCount = 0
    this.#packets = []
    this.#fileCount = 0
  }

  /** Until it begins anew. */
  forget(): void {
    this.byteCount = undefined
    this.#packets = []
  }

  /** What comes after so much text: what is left of a packet is one of its own. */
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

  /** Its head has arrived. */
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
