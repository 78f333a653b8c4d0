/**
 * Checksums in a journal's history: each mark has one over everything since the mark before, with the journal's token
 * and description, so that a history that a disk or somebody has changed is not repeated. Marks of earlier versions
 * have none.
 */

import { offsets } from "../../protocol/journal/Record.ts"
import { crc32 } from "../../storage/Crc32.ts"

/** A mark's kind (`HistoryRecord.mark`), as bytes. */
const markKind = Buffer.from([0xff, 0xff])

export const seedOf = (token: string, about: string): number => crc32(about, crc32(token))

const headSum = (bytes: Buffer, at: number, seed: number) => crc32(bytes.subarray(at, at + offsets.headCrc), seed)

/** Writes a mark's checksum: its head is at `at`, and `bytes[0, at)` is what came since the mark before. */
export const seal = (bytes: Buffer, at: number, seed: number): void => {
  bytes.writeUInt32BE(crc32(bytes.subarray(0, at), seed), at + offsets.payloadSum)
  bytes.writeUInt32BE(headSum(bytes, at, seed), at + offsets.headCrc)
}

/** Checks the marks of a history, from its beginning on. */
export class Seals {
  readonly #seed: number
  #sum: number

  constructor(seed: number) {
    this.#seed = seed
    this.#sum = seed
  }

  /** Behind the mark before comes `bytes[from, to)`. */
  add(bytes: Buffer, from: number, to: number): void {
    this.#sum = crc32(bytes.subarray(from, to), this.#sum)
  }

  /** False: what is behind the mark before is not what was written. */
  mark(bytes: Buffer, at: number): boolean {
    const [sum, head] = [bytes.readUInt32BE(at + offsets.payloadSum), bytes.readUInt32BE(at + offsets.headCrc)]
    const isGood = (sum === 0 && head === 0) || (sum === this.#sum && head === headSum(bytes, at, this.#seed))
    this.#sum = this.#seed
    return isGood
  }

  /** Behind the last record that could be read, in `bytes`, there is a mark: something before it is damaged. */
  hasMark(bytes: Buffer): boolean {
    for (let kind = bytes.indexOf(markKind); kind >= 0; kind = bytes.indexOf(markKind, kind + 1)) {
      const at = kind - offsets.kind
      const isIn = at >= 0 && at + offsets.headCrc + 4 <= bytes.length
      if (isIn && bytes.readUInt32BE(at + offsets.headCrc) === headSum(bytes, at, this.#seed)) return true
    }
    return false
  }
}
