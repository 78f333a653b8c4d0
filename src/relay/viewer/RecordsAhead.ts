/** Index records that a viewer which is behind has read ahead: one visit to the index file for many packets. */
import { Effect } from "effect"
import { recordBytes } from "../../memory/RecentIndexes.ts"
import type { Run } from "../../model/Runs.ts"
import * as CtfIndex from "../../protocol/CtfIndex.ts"
import { FileFailed } from "../../storage/Files.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"

const readAheadCountMax = 64

/** The failure of a file that holds less than was written to it. */
export const short = new FileFailed({ operation: "read", path: "", code: "short" })

export class RecordsAhead {
  /** The session's protocol minor: the size of a record depends on it. */
  readonly #minor: number
  #bytes: Buffer | undefined
  #firstSeq = 0
  #count = 0

  constructor(minor: number) {
    this.#minor = minor
  }

  get #recordSize(): number {
    return CtfIndex.recordSize(this.#minor)
  }

  /** Copies the record of that number to the start of `reply`. False: it was not read. */
  copy(seq: number, reply: Buffer): boolean {
    const at = seq - this.#firstSeq
    if (this.#bytes === undefined || at < 0 || at >= this.#count) return false
    this.#bytes.copy(reply, 0, at * this.#recordSize, at * this.#recordSize + recordBytes)
    return true
  }

  /** Reads records of `run` from number `seq` on, in place of those before. Fails if there is not even one. */
  read(
    file: Pick<TraceFile, "read">,
    { count, firstRecord, firstSeq }: Pick<Run<unknown>, "count" | "firstRecord" | "firstSeq">,
    seq: number
  ): Effect.Effect<void, FileFailed> {
    const size = this.#recordSize
    const into = this.#bytes ?? Buffer.alloc(readAheadCountMax * size)
    this.#count = 0
    return Effect.flatMap(file.read(into, CtfIndex.headerSize + (firstRecord + seq - firstSeq) * size), (byteCount) => {
      this.#bytes = into
      this.#firstSeq = seq
      this.#count = Math.min(Math.floor(byteCount / size), firstSeq + count - seq)
      return this.#count > 0 ? Effect.void : Effect.fail(short)
    })
  }
}
