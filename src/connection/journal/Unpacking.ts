/**
 * Unpacks records that came packed (docs/extension.md), and passes them on one by one, as far as they are taken. Until
 * the rest is, it is kept as it came: what a hundred bytes unpack to would be a megabyte for each connection.
 */
import { packedHeadBytes, unpackedBytesMax } from "../../protocol/journal/Record.ts"
import { RecordFramer, type RecordSink } from "../../protocol/journal/RecordFramer.ts"

/** So much is kept unpacked, too: short records may be taken one by one, and to unpack all takes a millisecond. */
const aheadBytes = 32 * 1024

const nothing = Buffer.alloc(0)

export class Unpacking {
  readonly #sink: RecordSink
  #takesMore = true
  /** The payload of a packed record of which not all is taken. */
  #packed: Buffer | undefined
  /** So many unpacked bytes of it are. */
  #takenBytes = 0
  /** Those that follow, from `#at` on, as far as they are kept. */
  #ahead: Buffer = nothing
  #at = 0
  /** What came was no packed record. */
  isBroken = false

  constructor(sink: RecordSink) {
    this.#sink = (number, kind, connection, bytes, from, to) => {
      this.#takesMore = sink(number, kind, connection, bytes, from, to)
      return this.#takesMore
    }
  }

  /** All that was unpacked is taken. */
  get isEmpty(): boolean {
    return this.#packed === undefined
  }

  /** Memory that it has, besides `aheadBytes`. */
  get heldBytes(): number {
    return this.#packed?.length ?? 0
  }

  /** `bytes[from, to)` is the payload of a packed record, the caller's again after the call. */
  add(bytes: Buffer, from: number, to: number): void {
    this.#takenBytes = 0
    this.#takesMore = true
    if (!this.#unpack(bytes.subarray(from, to))) this.#packed = Buffer.from(bytes.subarray(from, to))
  }

  /** The sink takes more. */
  goOn(): void {
    const packed = this.#packed
    if (packed === undefined) return
    this.#takesMore = true
    this.#at = this.#take(this.#ahead, this.#at)
    if (this.#takesMore && this.#unpack(packed)) this.#packed = undefined
  }

  /** True: nothing of it is left to take. */
  #unpack(packed: Buffer): boolean {
    const records = unpacked(packed)
    const stopped = records === undefined ? 0 : this.#take(records, this.#takenBytes)
    const left = records?.subarray(stopped, stopped + aheadBytes) ?? nothing
    // There are only whole ones in it.
    if (records === undefined || (left.length > 0 && this.#takesMore)) this.isBroken = true
    this.#ahead = left.length > 0 ? Buffer.from(left) : nothing
    this.#at = 0
    return left.length === 0
  }

  /** Answers where it stopped: behind the last record that was taken. */
  #take(records: Buffer, at: number): number {
    const framer = new RecordFramer(this.#sink)
    const stopped = framer.push(records, at, records.length) - framer.withinBytes
    if (framer.isDead) this.isBroken = true
    this.#takenBytes += stopped - at
    return stopped
  }
}

/** Beyond what comes out, so that it comes in one piece: a full piece would be followed by an empty one. */
const spareBytes = 64

/** Undefined: it is not what its head says. */
const unpacked = (packed: Buffer): Buffer | undefined => {
  const byteCount = packed.length < packedHeadBytes ? 0 : packed.readUInt32BE(0)
  if (byteCount === 0 || byteCount > unpackedBytesMax) return undefined
  try {
    // Loaded for the first of them: hosts without an edge send none.
    const { zstdDecompressSync } = process.getBuiltinModule("node:zlib")
    const options = { maxOutputLength: byteCount, chunkSize: byteCount + spareBytes }
    const found = zstdDecompressSync(packed.subarray(packedHeadBytes), options)
    return found.length === byteCount ? found : undefined
  } catch {
    return undefined
  }
}
