/**
 * Where the text of packetised metadata lies in its file. For each trace chunk the tracer sends all of it again, in
 * other packets than before, since the same text may fill fewer. So what a viewer has of it counts in text, not in
 * bytes of the file. Known where each message is one packet, as LTTng's are. Pure.
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

  /** A message starts. */
  begin(): void {
    this.#headFilled = 0
  }

  read(bytes: Buffer, from: number, to: number): void {
    if (this.#headFilled === headBytes) return
    this.#headFilled += bytes.copy(this.#head, this.#headFilled, from, to)
  }

  /** The message is whole, with its padding. */
  end(byteCount: number): void {
    const textCount = this.#textIn(byteCount)
    if (this.byteCount === undefined || textCount === undefined || this.#packets.length === packetCountMax) {
      this.forget()
      return
    }
    this.#packets.push({ at: this.#fileCount, byteCount, textFrom: this.byteCount, textCount })
    this.#fileCount += byteCount
    this.byteCount += textCount
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

  /** Undefined: the message is no packet. */
  #textIn(byteCount: number): number | undefined {
    const head = this.#head
    if (this.#headFilled < headBytes || (!this.#isLittleEndian && head.readUInt32BE() !== magic)) return undefined
    const sizeAt = (at: number) => (this.#isLittleEndian ? head.readUInt32LE(at) : head.readUInt32BE(at)) / 8
    const contentBytes = sizeAt(offsets.contentBits)
    const isPacket = sizeAt(offsets.packetBits) === byteCount && contentBytes >= headBytes && contentBytes <= byteCount
    return isPacket && Number.isInteger(contentBytes) ? contentBytes - headBytes : undefined
  }
}
