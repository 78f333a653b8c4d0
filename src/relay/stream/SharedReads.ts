/**
 * Packets that viewers read from files, with those behind them: one visit to a file for many small packets.
 *
 * Viewers that are behind by about as much ask for the same packet one after the other: the first reads it, the others
 * wait for that or find it here, and all send its bytes.
 */
import { Deferred, Effect, Exit } from "effect"
import { type RecentPacket, RecentPackets } from "../../memory/RecentPackets.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { TraceFile } from "../../storage/TraceFile.ts"
import type { Range } from "./FileContent.ts"
import * as LargePieces from "./LargePieces.ts"

/** At least this many packets fit: viewers are rarely at the very same one. */
const packetCountMin = 4
const none: ReadonlyArray<Range> = []

/** A packet that is being read. */
interface Reading {
  readonly packet: RecentPacket
  readonly bytes: Buffer
  /** To be called with whether all of it was read. */
  readonly end: (isWhole: boolean) => void
}

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

  /**
   * Afterwards the range is found, unless it is too large, not whole in the file, or evicted by others already.
   * `behind`: whole packets, one behind the other, the first behind the range; they are found, too, if there was room.
   */
  read(data: object, file: TraceFile, range: Range, behind = none): Effect.Effect<void, FileFailed> {
    // Not interruptible from its first step on: others wait for what has begun.
    return Effect.uninterruptibleMask((restore) => {
      const pending = this.#pending.get(data)?.get(range.from)
      if (pending !== undefined) return restore(Deferred.await(pending))
      if (range.byteCount > this.#rangeBytesMax) return Effect.void
      const first = this.#begin(data, range)
      if (first === undefined) return Effect.void
      const memory = behind.length === 0 ? undefined : LargePieces.lend()
      const others = memory === undefined ? [] : this.#beginBehind(data, behind, memory.length - range.byteCount)
      return this.#fill([first, ...others], file, memory)
    })
  }

  /** From here on other viewers wait for it; undefined: there is no room. */
  #begin(data: object, { byteCount, from }: Range): Reading | undefined {
    const packet = this.#packets.begin(data, from, byteCount)
    if (packet === undefined) return undefined
    const done = this.#setPending(data, from)
    const { bytes, filled } = packet.claim()
    const end = (isWhole: boolean) => {
      filled(isWhole)
      done()
    }
    return { packet, bytes, end }
  }

  /** As many as fit into `room`, up to one that is here or on its way. */
  #beginBehind(data: object, behind: ReadonlyArray<Range>, room: number): ReadonlyArray<Reading> {
    const begun: Array<Reading> = []
    let left = room
    for (const range of behind) {
      left -= range.byteCount
      const isKnown = this.find(data, range.from) !== undefined || this.#pending.get(data)?.has(range.from)
      const reading = left < 0 || isKnown ? undefined : this.#begin(data, range)
      if (reading === undefined) break
      begun.push(reading)
    }
    return begun
  }

  #fill(
    readings: ReadonlyArray<Reading>,
    file: TraceFile,
    memory: Buffer | undefined
  ): Effect.Effect<void, FileFailed> {
    const [first] = readings as [Reading]
    const { offset } = first.packet
    const byteCount = readings.reduce((sum, { packet }) => sum + packet.byteCount, 0)
    const into = readings.length === 1 ? first.bytes : (memory as Buffer).subarray(0, byteCount)
    const end = (count: number) => {
      for (const { bytes, end, packet } of readings) {
        const from = packet.offset - offset
        if (readings.length > 1) into.copy(bytes, 0, from, from + bytes.length)
        end(from + bytes.length <= count)
      }
      if (memory !== undefined) LargePieces.giveBack(memory)
    }
    return file.read(into, offset).pipe(
      Effect.map(end),
      Effect.tapCause(() => Effect.sync(() => end(0)))
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
