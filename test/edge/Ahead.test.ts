/** Indexes that were heard before their packets: the relay waits for those; tracers are held back, or read for them. */
import { assert, describe, it } from "@effect/vitest"
import { Ahead } from "../../src/edge/journal/Ahead.ts"
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
    const ahead = new Ahead()
    ahead.packet(stream, 19n)
    ahead.index(index(19n, 4096n), 0)
    assert.isFalse(ahead.isSo)
    ahead.index(index(20n, 4096n), 0)
    assert.isTrue(ahead.isSo)
    ahead.packet(stream, 20n)
    assert.isFalse(ahead.isSo)
  })

  it("is parted between a packet and its index, whichever comes first, once its tracer has sent an index", () => {
    const ahead = new Ahead()
    ahead.begun(stream, 18n)
    assert.isFalse(ahead.isParted)
    ahead.packet(stream, 18n)
    ahead.index(index(18n, 4096n), 0)
    ahead.begun(stream, 19n)
    assert.isTrue(ahead.isParted)
    ahead.packet(stream, 19n)
    assert.isTrue(ahead.isParted)
    ahead.index(index(19n, 0n), 0)
    assert.isTrue(ahead.isParted)
    ahead.index(index(19n, 4096n), 0)
    assert.isFalse(ahead.isParted)
    ahead.index(index(20n, 4096n), 0)
    assert.isTrue(ahead.isParted)
    ahead.begun(stream, 20n)
    ahead.packet(stream, 20n)
    assert.isFalse(ahead.isParted)
    ahead.begun(stream, 21n)
    ahead.forget(stream)
    assert.isFalse(ahead.isParted)
  })

  it("that is idle is not ahead by its beacons, which may have the number of the next packet", () => {
    const ahead = new Ahead()
    ahead.packet(stream, 19n)
    ahead.index(index(20n, 0n), 0)
    assert.isFalse(ahead.isSo)
  })
})
