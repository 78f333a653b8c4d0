/**
 * Unpacks records that came packed (docs/extension.md), and passes them on one by one, as far as they are taken. Until
 * the rest is, it is kept as it came: what a hundred bytes unpack to would be a megabyte for each connection.
 */
import { packedHeadBytes, unpackedBytesMax } from "../../protocol/journal/Record.ts"
import { RecordFramer, type RecordSink } from "../../protocol/journal/RecordFramer.ts"

export class Unpacking {
  readonly #sink: RecordSink
  /** The payload of a packed record of which not all is taken. */
  #packed: Buffer | undefined
  /** So many unpacked bytes of it are. */
  #takenBytes = 0
  /** What came was no packed record. */
  isBroken = false

  constructor(sink: RecordSink) {
    this.#sink = sink
  }

  /** All that was unpacked is taken. */
  get isEmpty(): boolean {
    return this.#packed === undefined
  }

  /** Memory that it has. */
  get heldBytes(): number {
    return this.#packed?.length ?? 0
  }

  /** `bytes[from, to)` is the payload of a packed record, the caller's again after the call. */
  add(bytes: Buffer, from: number, to: number): void {
    this.#takenBytes = 0
    if (!this.#take(bytes.subarray(from, to))) this.#packed = Buffer.from(bytes.subarray(from, to))
  }

  /** The sink takes more. */
  goOn(): void {
    const packed = this.#packed
    if (packed !== undefined && this.#take(packed)) this.#packed = undefined
  }

  /** True: nothing of it is left to take. */
  #take(packed: Buffer): boolean {
    const records = unpacked(packed)
    if (records === undefined) this.isBroken = true
    if (records === undefined) return true
    const framer = new RecordFramer(this.#sink)
    this.#takenBytes = framer.push(records, this.#takenBytes, records.length)
    // There are only whole ones in it.
    if (framer.isDead || framer.isWithin) this.isBroken = true
    return this.#takenBytes === records.length
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
