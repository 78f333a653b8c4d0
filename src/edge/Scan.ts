/**
 * Finds out what an earlier process left of a journal: cuts off what was being written, and finds what is damaged.
 *
 * Damage costs as little as it can: a packet of which a part is damaged is left out whole, and its index with it; what
 * else is damaged is left out alone. Everything left out is named.
 */
import { crc32 } from "node:zlib"
import { Effect } from "effect"
import * as SendIndex from "../protocol/control/SendIndex.ts"
import { offsets as packetOffsets } from "../protocol/data/PacketHeader.ts"
import * as Header from "../protocol/Header.ts"
import { headBytes, isHead, isWhole, Kind, offsets } from "../protocol/journal/Record.ts"
import { u64At } from "../protocol/Struct.ts"
import type { FileFailed, Files, OpenFile } from "../storage/Files.ts"
import { firstOf, type Segment } from "./Segments.ts"

export interface Found {
  readonly segments: ReadonlyArray<Segment>
  readonly last: number
  /** Connections that had not ended. */
  readonly open: ReadonlySet<number>
  readonly isFinished: boolean
  readonly skipped: ReadonlySet<number>
  /** One line each. */
  readonly damage: ReadonlyArray<string>
}

interface Packet {
  readonly key: string
  readonly numbers: Array<number>
  isDamaged: boolean
}

/** What the records say, one after the other. */
class History {
  last = 0
  isFinished = false
  readonly open = new Set<number>()
  readonly skipped = new Set<number>()
  readonly damage: Array<string> = []
  /** The packet that a connection brought last. */
  readonly #packets = new Map<number, Packet>()
  readonly #lost = new Set<string>()

  see(bytes: Buffer, at: number, where: string): void {
    const number = u64At(bytes, at)
    const kind = bytes.readUInt16BE(at + offsets.kind)
    const connection = bytes.readUInt16BE(at + offsets.connection)
    const isDamaged = !isWhole(bytes, at, crc32)
    this.last = number
    const payload = at + headBytes
    if (isDamaged) {
      this.damage.push(`${where}: record ${number} is damaged`)
      this.skipped.add(number)
    }
    if (kind === Kind.control || kind === Kind.data) this.open.add(connection)
    if (kind === Kind.end) this.open.delete(connection)
    if (kind === Kind.finish) this.isFinished = true
    if (kind === Kind.packet) {
      const stream = bytes.readBigUInt64BE(payload + packetOffsets.streamId)
      const sequence = bytes.readBigUInt64BE(payload + packetOffsets.netSeqNum)
      this.#packets.set(connection, { key: `${stream}/${sequence}`, numbers: [], isDamaged: false })
    }
    if (kind === Kind.command) {
      this.#packets.delete(connection)
      if (!isDamaged && this.#isOfLostPacket(bytes, payload)) this.skipped.add(number)
    }
    const packet = kind === Kind.packet || kind === Kind.rest ? this.#packets.get(connection) : undefined
    if (packet !== undefined) this.#part(packet, number, isDamaged)
  }

  #part(packet: Packet, number: number, isDamaged: boolean): void {
    packet.numbers.push(number)
    if (isDamaged && !packet.isDamaged) {
      packet.isDamaged = true
      this.#lost.add(packet.key)
      this.damage.push(`packet ${packet.key} is left out`)
    }
    if (packet.isDamaged) for (const part of packet.numbers.splice(0)) this.skipped.add(part)
  }

  #isOfLostPacket(bytes: Buffer, command: number): boolean {
    if (this.#lost.size === 0) return false
    if (bytes.readUInt32BE(command + Header.offsets.command) !== SendIndex.number) return false
    const payload = command + Header.size
    const stream = bytes.readBigUInt64BE(payload + SendIndex.offsets.relayStreamId)
    return this.#lost.has(`${stream}/${bytes.readBigUInt64BE(payload + SendIndex.offsets.netSeqNum)}`)
  }
}

const windowBytes = 4 * 1024 * 1024

/** Answers how many bytes of the file are records. */
const scanFile = (file: OpenFile, path: string, history: History): Effect.Effect<number, FileFailed> =>
  Effect.gen(function* () {
    const window = Buffer.allocUnsafeSlow(windowBytes)
    let offset = 0
    let goodUntil = 0
    while (true) {
      const count = yield* file.read(window, offset)
      let at = 0
      while (at + headBytes <= count) {
        if (!isHead(window, at, crc32)) {
          at++
          continue
        }
        const size = headBytes + window.readUInt32BE(at + offsets.byteCount)
        if (at + size > count) break
        if (offset + at > goodUntil) history.damage.push(`${path}: ${offset + at - goodUntil} bytes are no records`)
        history.see(window, at, path)
        at += size
        goodUntil = offset + at
      }
      if (count < window.length) return goodUntil
      offset += at
    }
  })

export const scan = (files: Files["Service"], directory: string): Effect.Effect<Found, FileFailed> =>
  Effect.gen(function* () {
    const entries = yield* files.list(directory)
    const names = entries.map(({ name }) => name).filter((name) => firstOf(name) !== undefined)
    const history = new History()
    const segments: Array<Segment> = []
    for (const name of names.sort()) {
      const path = `${directory}/${name}`
      const file = yield* files.open(path, "continue")
      // What was before it is gone, and may have been all.
      history.last = Math.max(history.last, (firstOf(name) as number) - 1)
      const byteCount = yield* scanFile(file, path, history)
      // Of a write that the end of the process or of the power cut short: nobody was answered for it.
      yield* file.truncate(byteCount)
      segments.push({ first: firstOf(name) as number, path, file, byteCount, last: history.last })
    }
    const { damage, isFinished, last, open, skipped } = history
    return { segments, last, open, isFinished, skipped, damage }
  })
