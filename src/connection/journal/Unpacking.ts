/** Unpacks records that came packed (docs/extension.md), and passes them on one by one, as far as they are taken. */
import { packedHeadBytes, unpackedBytesMax } from "../../protocol/journal/Record.ts"
import { RecordFramer, type RecordSink } from "../../protocol/journal/RecordFramer.ts"

export class Unpacking {
  readonly #framer: RecordFramer
  #rest: Buffer | undefined
  /** What came was no packed record. */
  isBroken = false

  constructor(sink: RecordSink) {
    this.#framer = new RecordFramer(sink)
  }

  /** All that was unpacked is taken. */
  get isEmpty(): boolean {
    return this.#rest === undefined
  }

  /** `bytes[from, to)` is the payload of a packed record, the caller's again after the call. */
  add(bytes: Buffer, from: number, to: number): void {
    const records = unpacked(bytes, from, to)
    if (records === undefined) this.isBroken = true
    else this.#take(records)
  }

  /** The sink takes more. */
  goOn(): void {
    const rest = this.#rest
    if (rest !== undefined) this.#take(rest)
  }

  #take(records: Buffer): void {
    const stopped = this.#framer.push(records, 0, records.length)
    this.#rest = stopped < records.length ? records.subarray(stopped) : undefined
    if (this.#framer.isDead) this.isBroken = true
  }
}

/** Beyond what comes out, so that it comes in one piece: a full piece would be followed by an empty one. */
const spareBytes = 64

/** Undefined: it is not what its head says. */
const unpacked = (bytes: Buffer, from: number, to: number): Buffer | undefined => {
  const byteCount = to - from < packedHeadBytes ? 0 : bytes.readUInt32BE(from)
  if (byteCount === 0 || byteCount > unpackedBytesMax) return undefined
  try {
    // Loaded for the first of them: hosts without an edge send none.
    const { zstdDecompressSync } = process.getBuiltinModule("node:zlib")
    const options = { maxOutputLength: byteCount, chunkSize: byteCount + spareBytes }
    const found = zstdDecompressSync(bytes.subarray(from + packedHeadBytes, to), options)
    return found.length === byteCount ? found : undefined
  } catch {
    return undefined
  }
}
