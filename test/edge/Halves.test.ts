/** Indexes that were heard before their packets: the relay waits for those; tracers are held back, or read for them. */
import { assert, describe, it } from "@effect/vitest"
import { Halves } from "../../src/edge/journal/Halves.ts"
import * as SendIndex from "../../src/protocol/control/SendIndex.ts"

const { offsets } = SendIndex
const stream = 7n

const index = (sequence: bigint, packetSize: bigint): Buffer => {
  const payload = Buffer.alloc(SendIndex.size(15))
  payload.writeBigUInt64BE(stream, offsets.relayStreamId)
  payload.writeBigUInt64BE(sequence, offsets.netSeqNum)
  payload.writeBigUInt64BE(packetSize, offsets.packetSize)
  return payload
}

describe("a stream", () => {
  it("is ahead from an index on until its packet has come", () => {
    const halves = new Halves()
    halves.packet(stream, 19n)
    halves.index(index(19n, 4096n), 0)
    assert.isFalse(halves.hasEarlyIndex)
    halves.index(index(20n, 4096n), 0)
    assert.isTrue(halves.hasEarlyIndex)
    halves.packet(stream, 20n)
    assert.isFalse(halves.hasEarlyIndex)
    for (const sequence of [21n, 22n]) halves.index(index(sequence, 4096n), 0)
    halves.packet(stream, 21n)
    assert.isTrue(halves.hasEarlyIndex, "the relay waits for the other one")
    halves.packet(stream, 22n)
    assert.isFalse(halves.hasEarlyIndex)
  })

  it("is parted between a packet and its index, whichever comes first, once its tracer has sent an index", () => {
    const halves = new Halves()
    halves.begun(stream, 18n)
    assert.isFalse(halves.isParted)
    halves.packet(stream, 18n)
    halves.index(index(18n, 4096n), 0)
    halves.begun(stream, 19n)
    assert.isTrue(halves.isParted)
    halves.packet(stream, 19n)
    assert.isTrue(halves.isParted)
    halves.index(index(19n, 0n), 0)
    assert.isTrue(halves.isParted)
    halves.index(index(19n, 4096n), 0)
    assert.isFalse(halves.isParted)
    halves.index(index(20n, 4096n), 0)
    assert.isTrue(halves.isParted)
    halves.begun(stream, 20n)
    halves.packet(stream, 20n)
    assert.isFalse(halves.isParted)
    halves.begun(stream, 21n)
    halves.forget(stream)
    assert.isFalse(halves.isParted)
  })

  it("that is idle is not ahead by its beacons, which may have the number of the next packet", () => {
    const halves = new Halves()
    halves.packet(stream, 19n)
    halves.index(index(20n, 0n), 0)
    assert.isFalse(halves.hasEarlyIndex)
  })
})
