/**
 * Makes room in a journal: a segment loses its packets, with their indexes, and keeps everything else, so that the
 * relay records the session as if they had never been taken. The relay takes the gaps in the numbers as they are.
 *
 * Only what has never been on its way to the relay can be thinned. A segment that was is put to the one before it, if
 * that was too: a long outage leaves few files.
 */
import { Effect } from "effect"
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import * as Header from "../../protocol/Header.ts"
import { headBytes, Kind, offsets } from "../../protocol/journal/Record.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed, OpenFile } from "../../storage/Files.ts"
import type { Chunks } from "../journal/Chunks.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Needed } from "../journal/Needed.ts"
import { type Each, recordBytesMax, walk } from "../journal/Records.ts"
import type { Segment } from "../journal/Segment.ts"

/** What was dropped. */
export interface Dropped {
  readonly packetCount: number
  readonly byteCount: number
}

/** Over a segment, in memory of the edge's. */
const walked = (
  memory: Chunks,
  { file, byteCount }: Pick<Segment, "file" | "byteCount">,
  each: Each,
  after?: Effect.Effect<void, FileFailed>
): Effect.Effect<void, FileFailed> =>
  Effect.suspend(() => {
    const chunk = memory.take(recordBytesMax, true)
    const over = Effect.sync(() => memory.giveBack(chunk))
    return Effect.ensuring(walk(file, byteCount, chunk.bytes, each, after), over)
  })

interface Packet {
  readonly stream: bigint
  readonly sequence: bigint
  readonly numbers: Array<number>
  leftBytes: number
}

const keyOf = (stream: bigint, sequence: bigint) => `${stream}/${sequence}`

/** Finds the packets of which all is in the records that it sees, the index too. */
class Packets {
  readonly #begun = new Map<number, Packet>()
  readonly #whole = new Map<string, Packet>()
  readonly #indexes = new Map<string, number>()

  see(bytes: Buffer, at: number, size: number): void {
    const number = u64At(bytes, at)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    const payload = at + headBytes
    if (kind === Kind.packet) this.#packet(bytes, payload, number, connection, size - headBytes)
    if (kind === Kind.rest) this.#part(this.#begun.get(connection), number, size - headBytes)
    if (kind === Kind.command && bytes.readUInt32BE(payload + Header.offsets.command) === SendIndex.number) {
      const fields = payload + Header.size
      // A beacon may have the number of the next packet.
      if (bytes.readBigUInt64BE(fields + SendIndex.offsets.packetSize) === 0n) return
      const stream = bytes.readBigUInt64BE(fields + SendIndex.offsets.relayStreamId)
      this.#indexes.set(keyOf(stream, bytes.readBigUInt64BE(fields + SendIndex.offsets.netSeqNum)), number)
    }
  }

  #packet(bytes: Buffer, payload: number, number: number, connection: number, byteCount: number): void {
    const stream = bytes.readBigUInt64BE(payload + PacketHeader.offsets.streamId)
    const sequence = bytes.readBigUInt64BE(payload + PacketHeader.offsets.netSeqNum)
    const leftBytes = PacketHeader.size + bytes.readUInt32BE(payload + PacketHeader.offsets.dataSize)
    const packet = { stream, sequence, numbers: [], leftBytes }
    this.#begun.set(connection, packet)
    this.#part(packet, number, byteCount)
  }

  #part(packet: Packet | undefined, number: number, byteCount: number): void {
    if (packet === undefined || packet.leftBytes === 0) return
    packet.numbers.push(number)
    packet.leftBytes -= byteCount
    if (packet.leftBytes === 0) this.#whole.set(keyOf(packet.stream, packet.sequence), packet)
  }

  /**
   * Numbers of the records that need not stay, and of how many packets they are. The `last` of a segment stays: without
   * it nobody could tell whether another segment is missing behind it.
   */
  droppable(needed: Needed, last: number): { readonly numbers: ReadonlySet<number>; readonly packetCount: number } {
    const numbers = new Set<number>()
    let packetCount = 0
    for (const [key, packet] of this.#whole) {
      const index = this.#indexes.get(key)
      if (index === undefined || needed.has(packet.stream, packet.sequence)) continue
      if (index === last || packet.numbers.includes(last)) continue
      packetCount++
      numbers.add(index)
      for (const number of packet.numbers) numbers.add(number)
    }
    return { numbers, packetCount }
  }
}

/** The records of `file` that are not in `dropped`, behind `position` of another; answers where they end. */
const copy = (
  memory: Chunks,
  segment: Pick<Segment, "file" | "byteCount">,
  into: OpenFile,
  position: number,
  dropped: ReadonlySet<number>
): Effect.Effect<number, FileFailed> =>
  Effect.gen(function* () {
    let end = position
    let parts: Array<Buffer> = []
    const each: Each = (bytes, at, size) => {
      if (!dropped.has(u64At(bytes, at))) parts.push(bytes.subarray(at, at + size))
    }
    const written = Effect.suspend(() => {
      const taken = parts
      parts = []
      const at = end
      for (const part of taken) end += part.length
      return taken.length === 0 ? Effect.void : into.write(taken, at)
    })
    yield* walked(memory, segment, each, written)
    return end
  })

/** Drops what may be dropped of the oldest segment that was not thinned yet; undefined: there is none. */
export const thin = (journal: Journal, wroteBefore: number): Effect.Effect<Dropped | undefined, FileFailed> =>
  journal.home.stays(() => {
    const { segments } = journal
    const at = segments.all.findIndex((segment) => !segment.isThin && isUntouched(journal, segment))
    const segment = segments.all[at]
    if (segment === undefined || at === segments.all.length - 1 || segment.wroteAt > wroteBefore) {
      return Effect.succeed(undefined)
    }
    segment.isBusy = true
    journal.thinned.closeUnsafe()
    return Effect.ensuring(
      thinned(journal, segment, segments.all[at - 1]),
      Effect.sync(() => {
        segment.isBusy = false
        journal.thinned.openUnsafe()
      })
    )
  })

const isUntouched = (journal: Journal, segment: Segment): boolean =>
  segment.first > journal.handed && !journal.tail.isOf(segment)

const thinned = (journal: Journal, segment: Segment, before: Segment | undefined) =>
  Effect.gen(function* () {
    const { memory, needed, segments } = journal
    const packets = new Packets()
    yield* walked(memory, segment, (bytes, at, size) => packets.see(bytes, at, size))
    const { numbers, packetCount } = packets.droppable(needed, segment.last)
    segment.isThin = true
    const bytesBefore = segment.byteCount
    if (packetCount === 0) return { packetCount, byteCount: 0 }
    yield* segments.rewrite(segment, (into) => copy(memory, segment, into, 0, numbers))
    const dropped = { packetCount, byteCount: bytesBefore - segment.byteCount }
    const isMerged = before?.isThin === true && isUntouched(journal, before)
    if (isMerged) {
      yield* segments.join(before, segment, (into, position) => copy(memory, segment, into, position, new Set()))
    }
    return dropped
  })
