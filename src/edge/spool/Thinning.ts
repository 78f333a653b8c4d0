/**
 * Makes room in a journal: a segment loses its packets, with their indexes, and keeps everything else, so that the
 * relay records the session as if they had never been taken. The relay takes the gaps in the numbers as they are.
 * Of the beacons of a stream in a segment only the newest stays: it says all.
 *
 * Only what was never sent to the relay can be thinned. A thinned segment is joined to the one before it, if that was
 * thinned, too: so a long outage leaves few files.
 */
import { Effect } from "effect"
import * as SendIndex from "../../protocol/control/SendIndex.ts"
import * as PacketHeader from "../../protocol/data/PacketHeader.ts"
import * as Header from "../../protocol/Header.ts"
import { headBytes, Kind, offsets, seal } from "../../protocol/journal/Record.ts"
import { u64At } from "../../protocol/Struct.ts"
import type { FileFailed, OpenFile } from "../../storage/Files.ts"
import { checksums } from "../journal/Checksums.ts"
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

/** Goes through a segment, in memory that is counted as the edge's. */
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
  /** Of its records, heads included. */
  byteCount: number
  leftBytes: number
}

interface Index {
  readonly number: number
  readonly byteCount: number
}

/** Record numbers that may be dropped; the counts are of packets only, not of beacons. */
interface Droppable extends Dropped {
  readonly numbers: ReadonlySet<number>
}

const keyOf = (stream: bigint, sequence: bigint) => `${stream}/${sequence}`

/** Finds the packets that lie in the records it sees as a whole, with their indexes. */
class Packets {
  readonly #begun = new Map<number, Packet>()
  readonly #whole = new Map<string, Packet>()
  readonly #indexes = new Map<string, Index>()
  /** By stream, the oldest first. */
  readonly #beacons = new Map<bigint, Array<number>>()

  see(bytes: Buffer, at: number, size: number): void {
    const number = u64At(bytes, at)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    const payload = at + headBytes
    if (kind === Kind.packet) this.#packet(bytes, payload, number, connection, size)
    if (kind === Kind.rest) this.#part(this.#begun.get(connection), number, size)
    if (kind === Kind.command && bytes.readUInt32BE(payload + Header.offsets.command) === SendIndex.number) {
      this.#index(bytes, payload + Header.size, number, size)
    }
  }

  #index(bytes: Buffer, fields: number, number: number, byteCount: number): void {
    const stream = bytes.readBigUInt64BE(fields + SendIndex.offsets.relayStreamId)
    // A beacon may have the number of the next packet.
    if (bytes.readBigUInt64BE(fields + SendIndex.offsets.packetSize) === 0n) {
      const beacons = this.#beacons.get(stream)
      if (beacons === undefined) this.#beacons.set(stream, [number])
      else beacons.push(number)
    } else {
      const sequence = bytes.readBigUInt64BE(fields + SendIndex.offsets.netSeqNum)
      this.#indexes.set(keyOf(stream, sequence), { number, byteCount })
    }
  }

  #packet(bytes: Buffer, payload: number, number: number, connection: number, size: number): void {
    const stream = bytes.readBigUInt64BE(payload + PacketHeader.offsets.streamId)
    const sequence = bytes.readBigUInt64BE(payload + PacketHeader.offsets.netSeqNum)
    const leftBytes = PacketHeader.size + bytes.readUInt32BE(payload + PacketHeader.offsets.dataSize)
    const packet = { stream, sequence, numbers: [], byteCount: 0, leftBytes }
    this.#begun.set(connection, packet)
    this.#part(packet, number, size)
  }

  #part(packet: Packet | undefined, number: number, size: number): void {
    if (packet === undefined || packet.leftBytes === 0) return
    packet.numbers.push(number)
    packet.byteCount += size
    packet.leftBytes -= size - headBytes
    if (packet.leftBytes === 0) this.#whole.set(keyOf(packet.stream, packet.sequence), packet)
  }

  droppable(needed: Needed): Droppable {
    const numbers = new Set<number>()
    let packetCount = 0
    let byteCount = 0
    for (const [key, packet] of this.#whole) {
      const index = this.#indexes.get(key)
      if (index === undefined || needed.has(packet.stream, packet.sequence)) continue
      packetCount++
      byteCount += packet.byteCount + index.byteCount
      numbers.add(index.number)
      for (const number of packet.numbers) numbers.add(number)
    }
    for (const beacons of this.#beacons.values()) for (const number of beacons.slice(0, -1)) numbers.add(number)
    return { numbers, packetCount, byteCount }
  }
}

/** Stands for a segment's last record if that was dropped: otherwise a segment would seem to be missing behind it. */
const emptied = (number: number): Buffer => {
  const bytes = Buffer.alloc(headBytes)
  seal(bytes, 0, { number, byteCount: 0, kind: Kind.withdrawn, connection: 0 }, checksums)
  return bytes
}

/** Copies the records that are not in `dropped` to `position` of another file; answers where they end. */
const copy = (
  memory: Chunks,
  segment: Segment,
  into: OpenFile,
  position: number,
  dropped: ReadonlySet<number>
): Effect.Effect<number, FileFailed> =>
  Effect.gen(function* () {
    let end = position
    let parts: Array<Buffer> = []
    const each: Each = (bytes, at, size) => {
      const number = u64At(bytes, at)
      if (!dropped.has(number)) parts.push(bytes.subarray(at, at + size))
      else if (number === segment.last) parts.push(emptied(number))
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

/** Thins the oldest segment that was not thinned yet; undefined: there is none. */
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
    const dropped = packets.droppable(needed)
    segment.isThin = true
    if (dropped.numbers.size === 0) return dropped
    yield* segments.rewrite(segment, (into) => copy(memory, segment, into, 0, dropped.numbers))
    const isMerged = before?.isThin === true && isUntouched(journal, before)
    if (isMerged) {
      yield* segments.join(before, segment, (into, position) => copy(memory, segment, into, position, new Set()))
    }
    return dropped
  })
