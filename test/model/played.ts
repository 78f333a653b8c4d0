/**
 * A `Stream` with files that are strings, so that a test can play packets and indexes and look at what is left. It
 * checks with every step what must never happen: work on a file that is not open, a record past the bytes, a chunk left
 * twice.
 */
import { assert } from "@effect/vitest"
import { type Actions, noSeq, Stream } from "../../src/model/Stream.ts"
import type { DataFile, IndexFile } from "../../src/model/StreamFile.ts"
import type { Outcome, Record } from "./Expected.ts"

export interface Options {
  readonly hasIndex?: boolean
  readonly isMetadata?: boolean
  readonly tracefileSize?: number
  readonly tracefileCount?: number
}

type Data = DataFile<string>

/** A plain check: the suites run it millions of times. */
const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

interface Written {
  content: string
  isOpen: boolean
}

interface Indexed {
  readonly records: Array<Record>
  readonly data: Data
  isOpen: boolean
}

const nameOf = (data: Data) => `${data.chunk}/${data.number}`

export class Disk implements Actions<string> {
  readonly data = new Map<Data, Written>()
  readonly names = new Map<string, Written>()
  readonly indexes = new Map<IndexFile<string>, Indexed>()
  readonly indexNames = new Map<string, Indexed>()
  readonly leftChunks: Array<string> = []

  #open(data: Data): Written {
    const file = this.data.get(data)
    must(file?.isOpen === true, "work on a file that is not open")
    return file as Written
  }

  readonly openData = (data: Data, replaces: boolean): void => {
    const name = nameOf(data)
    const file = replaces ? undefined : this.names.get(name)
    must(file?.isOpen !== true, "a file is opened twice")
    const fresh = { content: "", isOpen: true }
    this.data.set(data, fresh)
    this.names.set(name, fresh)
  }

  readonly closeData = (data: Data): void => {
    this.#open(data).isOpen = false
  }

  readonly openIndex = (index: IndexFile<string>): void => {
    const fresh = { records: [], data: index.data, isOpen: true }
    this.indexes.set(index, fresh)
    this.indexNames.set(nameOf(index.data), fresh)
  }

  readonly record = (index: IndexFile<string>, offset: number, fields: Buffer, at: number): void => {
    const file = this.indexes.get(index)
    must(file?.isOpen === true, "record for an index that is not open")
    const size = Number(fields.readBigUInt64BE(at) / 8n)
    const { content } = this.data.get(index.data) as Written
    must(offset + size <= content.length, "record past the bytes")
    file?.records.push({ offset, packetSeq: fields.readBigUInt64BE(at + 8) })
  }

  readonly closeIndex = (index: IndexFile<string>): void => {
    const file = this.indexes.get(index)
    must(file?.isOpen === true, "index closed twice")
    if (file !== undefined) file.isOpen = false
  }

  readonly move = (from: Data, fromOffset: number, byteCount: number, to: Data): void => {
    const source = this.data.get(from) as Written
    must(this.names.get(nameOf(from)) === source, "moved from a file that has lost its name")
    const moved = source.content.slice(fromOffset, fromOffset + byteCount)
    must(moved.length === byteCount, "moved bytes that are not there")
    this.#open(to).content += moved
  }

  readonly truncate = (data: Data, size: number): void => {
    const file = this.data.get(data) as Written
    must(this.names.get(nameOf(data)) === file, "cut a file that has lost its name")
    file.content = file.content.slice(0, size)
  }

  readonly skipRecords = (): void => must(false, "records are skipped")

  readonly leaveChunk = (chunk: string): void => {
    must(!this.leftChunks.includes(chunk), "a chunk is left twice")
    this.leftChunks.push(chunk)
  }

  append(data: Data, content: string): void {
    this.#open(data).content += content
  }

  get openCount(): number {
    const isOpen = (file: { readonly isOpen: boolean }) => file.isOpen
    return [...this.data.values()].filter(isOpen).length + [...this.indexes.values()].filter(isOpen).length
  }

  get outcome(): Outcome {
    return {
      files: new Map([...this.names].map(([name, file]) => [name, file.content])),
      indexes: new Map(
        [...this.indexNames]
          .filter(([name, file]) => this.data.get(file.data) === this.names.get(name))
          .map(([name, file]) => [name, file.records])
      )
    }
  }
}

/** The payload of packet `seq`: a letter, and always the same. */
export const payload = (seq: number, size: number): string => String.fromCharCode(97 + (seq % 26)).repeat(size)

export class Played {
  readonly disk = new Disk()
  readonly stream: Stream<string>
  #arriving = { seq: 0, size: 0, padding: 0, sent: 0 }

  constructor(options: Options = {}) {
    this.stream = new Stream({
      isMetadata: options.isMetadata ?? false,
      hasIndex: options.hasIndex ?? true,
      recordFieldBytes: 16,
      tracefileSize: options.tracefileSize ?? 0,
      tracefileCount: options.tracefileCount ?? 0,
      chunk: "A",
      actions: this.disk,
      hold: { holdMillis: 0, shortHoldMillis: 0 }
    })
    this.disk.openData(this.stream.file as Data, false)
  }

  begin(seq: number, size = 4, padding = 0): boolean {
    if (!this.stream.beginPacket(BigInt(seq), size, padding)) return false
    this.#arriving = { seq, size, padding, sent: 0 }
    return true
  }

  /** Some of the payload that is still to come. */
  some(count: number): void {
    const { seq, size, sent } = this.#arriving
    const taken = Math.min(count, size - sent)
    this.#arriving.sent += taken
    this.disk.append(this.stream.file as Data, payload(seq, taken))
  }

  end(): boolean {
    this.some(this.#arriving.size)
    this.disk.append(this.stream.file as Data, ".".repeat(this.#arriving.padding))
    return this.stream.endPacket()
  }

  data(seq: number, size = 4, padding = 0): boolean {
    return this.begin(seq, size, padding) && this.end()
  }

  /** `packet_seq_num` counts with `net_seq_num` unless said otherwise; `size` is that of the packet, for the record. */
  index(seq: number, packetSeq = seq, size = 4): boolean {
    const fields = Buffer.alloc(19, 0xaa)
    fields.writeBigUInt64BE(BigInt(size * 8), 3)
    fields.writeBigUInt64BE(BigInt(packetSeq), 11)
    return this.stream.addIndex(BigInt(seq), BigInt(packetSeq), fields, 3)
  }

  both(...seqs: ReadonlyArray<number>): this {
    for (const seq of seqs) assert.deepStrictEqual([this.data(seq), this.index(seq)], [true, true], `packet ${seq}`)
    return this
  }

  rotate(at: number, chunk: string | undefined): boolean {
    return this.stream.rotate(BigInt(at), chunk)
  }

  metadata(content: string): boolean {
    if (!this.stream.beginMetadata()) return false
    this.disk.append(this.stream.file as Data, content)
    return this.stream.endMetadata(content.length)
  }

  close(last?: number, isAborted = false): boolean {
    if (last !== undefined) this.stream.lastNetSeqNum = BigInt(last)
    return this.stream.tryClose(isAborted)
  }

  /** `A/0: aaaabbbb | 0:0 4:1`: file, content, and records as offset:packetSeq. */
  get left(): ReadonlyArray<string> {
    const { files, indexes } = this.disk.outcome
    return [...files]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, content]) => {
        const records = indexes.get(name)?.map(({ offset, packetSeq }) => `${offset}:${packetSeq}`)
        return [`${name}:`, content, ...(records === undefined ? [] : ["|", ...records])]
          .filter((part) => part !== "")
          .join(" ")
      })
  }
}

export { noSeq }
