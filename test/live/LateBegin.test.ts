/** A packet that begins later for one viewer: in its index record, and in whatever ranges of it the viewer asks for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as CtfPacket from "../../src/protocol/CtfPacket.ts"
import { offsets, replySize } from "../../src/protocol/live/GetNextIndex.ts"
import type { SendRange } from "../../src/relay/viewer/LateBegin.ts"
import { LateBegin } from "../../src/relay/viewer/LateBegin.ts"
import * as SyntheticTrace from "../../src/target/SyntheticTrace.ts"

const uuid = "01234567-89ab-cdef-0123-456789abcdef"
const packetBytes = 512
const packetOffset = 1000
const [begin, end] = [100n, 900n]

/** The packet among other bytes of its data file, little-endian, or all numbers of its head the other way round. */
const fileOf = (isBigEndian: boolean): Buffer => {
  const file = Buffer.alloc(4000, 7)
  const packet = Buffer.from(SyntheticTrace.generator(uuid, 0, packetBytes, begin).next(end).bytes)
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
  it("begins in its record where the viewer had come to, and ends no earlier", () => {
    const beginning = (shownUntil: number, cyclesPerMilli?: number) => {
      const reply = record()
      const isMoved = new LateBegin(shownUntil).answer(reply, packetOffset, cyclesPerMilli)
      return [isMoved, reply.readBigUInt64BE(offsets.timestampBegin), reply.readBigUInt64BE(offsets.timestampEnd)]
    }
    assert.deepStrictEqual(
      [beginning(99), beginning(100), beginning(500), beginning(500, 2000), beginning(1000)],
      [
        [false, 100n, 900n],
        [true, 101n, 900n],
        [true, 501n, 900n],
        [true, 521n, 900n],
        [true, 1001n, 1001n]
      ]
    )
  })

  it("begins where it was sent when that is later, and there is nothing to change then", () => {
    const late = new LateBegin(50)
    assert.isFalse(late.answer(record(), packetOffset, 1000))
    assert.isFalse(late.isIn({ from: packetOffset, byteCount: packetBytes }))
  })

  it("is told of when the viewer was led on meanwhile", () => {
    const late = new LateBegin(300)
    late.announce(320n)
    late.announce(310n)
    const reply = record()
    late.answer(reply, packetOffset, undefined)
    assert.strictEqual(reply.readBigUInt64BE(offsets.timestampBegin), 321n)
  })

  for (const isBigEndian of [false, true]) {
    it(`has those times in every range of its ${isBigEndian ? "big" : "little"}-endian bytes, and nothing else changed`, () => {
      const file = fileOf(isBigEndian)
      const late = new LateBegin(1000)
      late.answer(record(), packetOffset, undefined)
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

  it("whose bytes are not what the index says is sent as it is", () => {
    const file = fileOf(false)
    file.writeBigUInt64LE(99n, packetOffset + CtfPacket.timesAt)
    const late = new LateBegin(500)
    late.answer(record(), packetOffset, undefined)
    const sent = received(late, packetOffset, packetBytes, sender(file, 5000))
    assert.isTrue(sent.equals(file.subarray(packetOffset, packetOffset + packetBytes)))
  })
})
