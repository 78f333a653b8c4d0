/**
 * The newest index records of one stream, in a ring of fixed size, from which viewers at the tail are answered. Older
 * ones are in the index files. Its memory is taken once and does not grow with the stream.
 */

/** Bytes of a record: offset, sizes, timestamps, discarded events, stream class, big-endian as viewers get them. */
export const recordBytes = 56
/** Enough for viewers that poll every 100 ms at 640 packets a second; those further behind read files anyway. */
export const recordCountMax = 64

export class RecentIndexes {
  /** The records: `recordBytes` at each position that `find` answers. */
  readonly bytes = Buffer.alloc(recordBytes * recordCountMax)
  readonly #seqs = new Array<number>(recordCountMax).fill(-1)
  readonly #millis = new Float64Array(recordCountMax)

  /** Adds a record. From `at`, `fields` has the index's fields as received, without the offset. */
  add(seq: number, offset: number, fields: Buffer, at: number, nowMillis: number): void {
    const slot = seq % recordCountMax
    const position = slot * recordBytes
    this.#seqs[slot] = seq
    this.#millis[slot] = nowMillis
    this.bytes.writeUInt32BE(Math.floor(offset / 0x1_0000_0000), position)
    this.bytes.writeUInt32BE(offset >>> 0, position + 4)
    fields.copy(this.bytes, position + 8, at, at + recordBytes - 8)
  }

  /** Where the record `seq` is in `bytes`, valid until the next `add`; -1 when it is not here. */
  find(seq: number): number {
    const slot = seq % recordCountMax
    return this.#seqs[slot] === seq ? slot * recordBytes : -1
  }

  /** The time in ms at which the record came; undefined: it is not here. */
  addedMillis(seq: number): number | undefined {
    const slot = seq % recordCountMax
    return this.#seqs[slot] === seq ? this.#millis[slot] : undefined
  }
}

/** The packet's offset in its data file, of the record at `at`. */
export const offsetOf = (bytes: Buffer, at: number): number =>
  bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
