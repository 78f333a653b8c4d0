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
  /** Data half: index file, data file and place of the packet, in bytes. */
  index: IndexFile<C> | undefined
  file: DataFile<C> | undefined
  offset = 0
  dataSize = 0
  total = 0
  /** Position in the order in which packets became complete. */
  order = 0
  /** The control half came first. */
  isByControl = false
  /** Control half: the index's fields as received, until the packet is there. */
  #fields: Buffer | undefined

  get fields(): Buffer {
    return this.#fields as Buffer
  }

  keepFields(source: Buffer, at: number, fieldBytes: number): void {
    this.#fields ??= Buffer.alloc(fieldBytes)
    source.copy(this.#fields, 0, at, at + fieldBytes)
    this.hasControl = true
  }
}

/** Measured memory of an entry, in bytes: of an index without its packet, and of a packet without its index. */
export const controlHalfBytes = 600
export const dataHalfBytes = 300

/** Entries kept for reuse; a peer with more in flight pays for the rest. */
const spareCountMax = 64

export class InFlightTable<C> {
  readonly #entries = new Map<bigint, InFlight<C>>()
  readonly #spare: Array<InFlight<C>> = []
  /** Entries whose control half came first. */
  controlCount = 0

  get size(): number {
    return this.#entries.size
  }

  takesData(seq: bigint): boolean {
    return this.#entries.get(seq)?.hasData !== true
  }

  takesControl(seq: bigint): boolean {
    return this.#entries.get(seq)?.hasControl !== true
  }

  getOrMake(seq: bigint, isByControl: boolean): InFlight<C> {
    const found = this.#entries.get(seq)
    if (found !== undefined) return found
    const entry = this.#spare.pop() ?? new InFlight<C>()
    entry.seq = seq
    entry.isByControl = isByControl
    if (isByControl) this.controlCount++
    this.#entries.set(seq, entry)
    return entry
  }

  /** `entry` must not be used afterwards. */
  remove(entry: InFlight<C>): void {
    this.#entries.delete(entry.seq)
    if (entry.isByControl) this.controlCount--
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
