/** A packet that begins later for one viewer: in its index record, and in whatever ranges of it the viewer asks for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Description } from "../../src/model/Description.ts"
import * as CtfPacket from "../../src/protocol/CtfPacket.ts"
import { offsets, replySize } from "../../src/protocol/live/GetNextIndex.ts"
import type { SendRange } from "../../src/relay/viewer/LateBegin.ts"
import { LateBegin } from "../../src/relay/viewer/LateBegin.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"
const packetBytes = 512
const packetOffset = 1000
const [begin, end] = [100n, 900n]

/** `events` is what lies behind the head. */
const packetOf = (events: Uint8Array): Buffer => {
  const packet = Buffer.from(SyntheticTrace.generator(uuid, 0, packetBytes, begin).next(end).bytes)
  packet.fill(0, 84).set(events, 84)
  packet.writeBigUInt64LE(BigInt(8 * (84 + events.length)), CtfPacket.contentSizeAt)
  return packet
}

/** The packet among other bytes of its data file, little-endian, or all numbers of its head the other way round. */
const fileOf = (isBigEndian: boolean): Buffer => {
  const file = Buffer.alloc(4000, 7)
  const packet = packetOf(Buffer.alloc(0))
  if (isBigEndian) {
    packet.subarray(0, 4).swap32()
    packet.subarray(20, 24).swap32()
    packet.subarray(24, 80).swap64()
  }
  packet.copy(file, packetOffset)
  return file
}

const record = (): Buffer => {
  const reply = Buffer.alloc(replySize)
  reply.writeBigUInt64BE(BigInt(packetOffset), 0)
  reply.writeBigUInt64BE(begin, offsets.timestampBegin)
  reply.writeBigUInt64BE(end, offsets.timestampEnd)
  return reply
}

const described = (text: string): Description => {
  const description = new Description()
  const bytes = Buffer.from(text)
  description.read(bytes, 0, bytes.length)
  return description
}
const compact = described("event.header := struct event_header_compact;")
const fast = described("event.header := struct event_header_compact;\nfreq = 2000000;")
const large = described("event.header := struct event_header_large;")

const wordOf = (time: number) => {
  const bytes = Buffer.alloc(40)
  bytes.writeUInt32LE(time << 5)
  return bytes
}
const largeOf = (time: number) => {
  const bytes = Buffer.alloc(40)
  bytes.writeUInt32LE(time, 2)
  return bytes
}

/** The times in the record of a packet that the viewer is told of when it had come to `shownUntil`. */
const told = (shownUntil: number, packet: Buffer, description: Description | undefined = compact) => {
  const reply = record()
  new LateBegin(shownUntil, description).answer(reply, packetOffset, packet)
  return [offsets.timestampBegin, offsets.timestampEnd].map((at) => Number(reply.readBigUInt64BE(at)))
}

/** Sends a file's ranges in pieces of `pieceBytes`; the memory of each belongs to whoever sends. */
const sender =
  (file: Buffer, pieceBytes: number): SendRange =>
  ({ byteCount, from }, head, take) =>
    Effect.gen(function* () {
      const bytes = Buffer.concat([head, file.subarray(from, from + byteCount)])
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        const lent = Buffer.from(bytes.subarray(at, at + pieceBytes))
        let isFree = false
        yield* take(lent, () => {
          isFree = true
        })
        if (isFree) lent.fill(0xee)
      }
    })

const received = (late: LateBegin, from: number, byteCount: number, send: SendRange): Buffer => {
  const pieces: Array<Buffer> = []
  const take = (piece: Uint8Array, sent?: () => void) =>
    Effect.sync(() => {
      pieces.push(Buffer.from(piece))
      sent?.()
    })
  const head = Buffer.from("head")
  const range = { from, byteCount }
  Effect.runSync(late.isIn(range) ? late.send(range, head, take, send) : send(range, head, take))
  const all = Buffer.concat(pieces)
  assert.strictEqual(all.subarray(0, 4).toString(), "head")
  return all.subarray(4)
}

describe("a packet that began before its stream was announced", () => {
  const empty = packetOf(Buffer.alloc(0))

  it("begins in its record where the viewer had come to, and ends no earlier", () => {
    assert.deepStrictEqual(
      [told(100, empty), told(500, empty), told(500, empty, fast), told(1000, empty)],
      [
        [101, 900],
        [501, 900],
        [521, 900],
        [1001, 1001]
      ]
    )
  })

  it("never begins behind its first event", () => {
    for (const [description, eventAt] of [
      [compact, wordOf],
      [large, largeOf]
    ] as const) {
      const packet = packetOf(eventAt(600))
      assert.deepStrictEqual(
        [500, 599, 600, 601, 2000].map((shown) => told(shown, packet, description)),
        [
          [501, 900],
          [600, 900],
          [100, 900],
          [100, 900],
          [100, 900]
        ]
      )
    }
    assert.deepStrictEqual(told(590, packetOf(wordOf(600)), fast), [600, 900])
  })

  it("stays where it is if its tracer is not known, its head is none, or its index says something else", () => {
    const other = described('tracer_name = "other"; event.header := struct { uint64_t timestamp; };')
    const lying = [CtfPacket.timesAt, CtfPacket.timesAt + 8].map((at) => {
      const packet = Buffer.from(empty)
      packet.writeBigUInt64LE(packet.readBigUInt64LE(at) - 1n, at)
      return packet
    })
    const unknown = [Buffer.alloc(0), empty.subarray(0, 79), Buffer.alloc(512), ...lying]
    for (const packet of unknown) assert.deepStrictEqual(told(500, packet), [100, 900])
    assert.deepStrictEqual(told(500, empty, other), [100, 900])
    const reply = record()
    new LateBegin(500, undefined).answer(reply, packetOffset, empty)
    assert.strictEqual(reply.readBigUInt64BE(offsets.timestampBegin), begin)
  })

  it("is early only if it begins before what the viewer had come to", () => {
    assert.deepStrictEqual(
      [99, 100].map((shown) => new LateBegin(shown, compact).isEarly(record())),
      [false, true]
    )
  })

  it("is told of when the viewer was led on meanwhile", () => {
    const late = new LateBegin(300, compact)
    late.announce(320n)
    late.announce(310n)
    const reply = record()
    late.answer(reply, packetOffset, empty)
    assert.strictEqual(reply.readBigUInt64BE(offsets.timestampBegin), 321n)
  })

  for (const isBigEndian of [false, true]) {
    it(`has those times in every range of its ${isBigEndian ? "big" : "little"}-endian bytes, and nothing else changed`, () => {
      const file = fileOf(isBigEndian)
      const late = new LateBegin(1000, compact)
      late.answer(record(), packetOffset, file.subarray(packetOffset, packetOffset + packetBytes))
      const moved = Buffer.from(file)
      const times = CtfPacket.timesBytes(file.subarray(packetOffset), 1001n, 1001n)
      moved.set(times, packetOffset + CtfPacket.timesAt)
      const head = CtfPacket.head(moved.subarray(packetOffset))
      assert.deepStrictEqual([head?.timestampBegin, head?.timestampEnd], [1001n, 1001n])
      for (const pieceBytes of [1, 3, 7, 33, 5000]) {
        const send = sender(file, pieceBytes)
        for (let from = packetOffset - 3; from < packetOffset + 90; from++) {
          for (const byteCount of [1, 5, 40, 700]) {
            const expected = moved.subarray(from, from + byteCount)
            assert.isTrue(
              received(late, from, byteCount, send).equals(expected),
              `${pieceBytes}: ${byteCount} at ${from}`
            )
          }
        }
      }
      assert.isTrue(file.equals(fileOf(isBigEndian)))
    })
  }
})
