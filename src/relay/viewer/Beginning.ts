/** How the packet begins that a viewer is to be told of next: from memory, or as it was read from its file. */
import { Effect } from "effect"
import type { RecentPacket } from "../../memory/RecentPackets.ts"
import { beginningBytes } from "../../protocol/FirstEvent.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"

/** For a packet of which that does not matter. */
export const noBeginning = Buffer.alloc(0)

export class Beginning {
  #read: { readonly seq: number; readonly bytes: Buffer } | undefined

  /** Of the packet of record `seq`; undefined: it has to be read. */
  of(seq: number, recent: RecentPacket | undefined): Buffer | undefined {
    return this.#read?.seq === seq ? this.#read.bytes : recent?.beginning(beginningBytes)
  }

  /** What cannot be read is no beginning. */
  read(seq: number, file: TraceFile, offset: number): Effect.Effect<void> {
    const bytes = Buffer.alloc(beginningBytes)
    const count = Effect.orElseSucceed(file.read(bytes, offset), () => 0)
    return Effect.map(count, (count) => {
      this.#read = { seq, bytes: bytes.subarray(0, count) }
    })
  }
}
