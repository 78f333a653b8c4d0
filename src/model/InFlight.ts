/**
 * Indexes of which only one half was received, keyed by `net_seq_num` (streaming.md §8.2). Entries are recycled: the
 * pairing of a packet allocates nothing once a stream has reached its usual number of packets in flight.
 */
import type { DataFile, IndexFile } from "./StreamFile.ts"

export class InFlight<C> {
  seq = 0n
  hasControl = false
  hasData = false
  packetSeqNum = 0n
  /** Data half: where the packet lies. */
  index: IndexFile<C> | undefined
  file: DataFile<C> | undefined
  offset = 0
  dataSize = 0
  total = 0
  /** Position in the order in which packets became complete. */
  order = 0
  /** Control half: the index's fields as received. */
  readonly fields: Buffer

  constructor(fieldBytes: number) {
    this.fields = Buffer.alloc(fieldBytes)
  }

  keepFields(source: Buffer, at: number): void {
    source.copy(this.fields, 0, at, at + this.fields.length)
    this.hasControl = true
  }
}

/** Entries kept for reuse; a peer with more in flight pays for the rest. */
const spareCountMax = 256

/**
 * Halves without their other half, per stream. A target waits for the answer to each index, so it has a few in flight;
 * while its data is held back, as many as 8 MiB of socket buffers hold packets that are nearly all padding (116 bytes
 * on the wire). Beyond that the other half is not coming.
 */
export const inFlightCountMax = 65_536

export class InFlightTable<C> {
  readonly #entries = new Map<bigint, InFlight<C>>()
  readonly #spare: Array<InFlight<C>> = []
  readonly #fieldBytes: number

  constructor(fieldBytes: number) {
    this.#fieldBytes = fieldBytes
  }

  get size(): number {
    return this.#entries.size
  }

  takesData(seq: bigint): boolean {
    const entry = this.#entries.get(seq)
    return entry === undefined ? this.#entries.size < inFlightCountMax : !entry.hasData
  }

  takesControl(seq: bigint): boolean {
    const entry = this.#entries.get(seq)
    return entry === undefined ? this.#entries.size < inFlightCountMax : !entry.hasControl
  }

  getOrMake(seq: bigint): InFlight<C> {
    const found = this.#entries.get(seq)
    if (found !== undefined) return found
    const entry = this.#spare.pop() ?? new InFlight<C>(this.#fieldBytes)
    entry.seq = seq
    this.#entries.set(seq, entry)
    return entry
  }

  /** `entry` must not be used afterwards. */
  remove(entry: InFlight<C>): void {
    this.#entries.delete(entry.seq)
    entry.hasControl = false
    entry.hasData = false
    entry.index = undefined
    entry.file = undefined
    if (this.#spare.length < spareCountMax) this.#spare.push(entry)
  }

  /** Visits every entry; the visitor may remove the one it is given. */
  forEach(visit: (entry: InFlight<C>) => void): void {
    for (const entry of this.#entries.values()) visit(entry)
  }

  highestSeq(): bigint | undefined {
    let highest: bigint | undefined
    for (const seq of this.#entries.keys()) if (highest === undefined || seq > highest) highest = seq
    return highest
  }
}
