/**
 * Packets that viewers read from files. Viewers that are behind by about as much ask for the same packet one after the
 * other: the first reads it, the others wait for that or find it here, and all send its bytes.
 */
import { Deferred, Effect, Exit } from "effect"
import { type RecentPacket, RecentPackets } from "../../memory/RecentPackets.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"
import type { Range } from "./FileContent.ts"

/** At least this many packets fit: viewers are rarely at the very same one. */
const packetCountMin = 4

export class SharedReads {
  readonly #packets: RecentPackets
  readonly #pending = new Map<object, Map<number, Deferred.Deferred<void>>>()
  readonly #rangeBytesMax: number

  constructor(bytesMax: number) {
    this.#packets = new RecentPackets(bytesMax)
    this.#rangeBytesMax = Math.floor(bytesMax / packetCountMin)
  }

  /** The range read from `offset` of the data file, if it is here. Valid until the next `read`. */
  find(data: object, offset: number): RecentPacket | undefined {
    return this.#packets.find(data, offset)
  }

  /** Afterwards the range is found, unless it is too large, not whole in the file, or evicted by others already. */
  read(data: object, file: TraceFile, range: Range): Effect.Effect<void, FileFailed> {
    return Effect.suspend(() => {
      const pending = this.#pending.get(data)?.get(range.from)
      if (pending !== undefined) return Deferred.await(pending)
      if (range.byteCount > this.#rangeBytesMax) return Effect.void
      const packet = this.#packets.begin(data, range.from, range.byteCount)
      return packet === undefined ? Effect.void : this.#fill(data, packet, file)
    })
  }

  /** Not interruptible: others wait for it. */
  #fill(data: object, packet: RecentPacket, file: TraceFile): Effect.Effect<void, FileFailed> {
    const { offset, byteCount } = packet
    const done = this.#setPending(data, offset)
    const { bytes, filled } = packet.claim()
    return file.read(bytes, offset).pipe(
      Effect.map((count) => filled(count === byteCount)),
      Effect.tapCause(() => Effect.sync(() => filled(false))),
      Effect.ensuring(Effect.sync(done)),
      Effect.uninterruptible
    )
  }

  /** Answers what ends the wait. */
  #setPending(data: object, offset: number): () => void {
    const pending = this.#pending.get(data) ?? new Map<number, Deferred.Deferred<void>>()
    this.#pending.set(data, pending)
    const end = Deferred.makeUnsafe<void>()
    pending.set(offset, end)
    return () => {
      pending.delete(offset)
      if (pending.size === 0) this.#pending.delete(data)
      Deferred.doneUnsafe(end, Exit.void)
    }
  }
}
