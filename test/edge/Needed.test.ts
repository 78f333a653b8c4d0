/** Packets that stay whatever is dropped: the relay would wait for them. */
import { assert, describe, it } from "@effect/vitest"
import { Needed } from "../../src/edge/journal/Needed.ts"
import * as RotateStreams from "../../src/protocol/control/RotateStreams.ts"
import * as Commands from "../sidebyside/commands.ts"

const sequences = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]

const needed = (rotations: ReadonlyArray<Uint8Array>) => {
  const made = new Needed()
  for (const payload of rotations) {
    // As it lies in a record.
    const bytes = Buffer.concat([Buffer.alloc(7), payload, Buffer.alloc(5)])
    made.rotation(bytes, 7, 7 + payload.length, 0)
  }
  for (const stream of [1n, 2n]) for (const sequence of sequences) made.packet(stream, sequence, 0)
  return [1n, 2n].map((stream) => sequences.filter((sequence) => made.has(stream, sequence)))
}

describe("packets that stay", () => {
  it("are the first and the newest of each stream", () => {
    assert.deepStrictEqual(needed([]), [
      [0n, 9n],
      [0n, 9n]
    ])
  })

  it("and those on either side of each rotation, whatever padding its peer has", () => {
    const positions = [
      { streamId: 1n, rotateAtSeqNum: 4n },
      { streamId: 2n, rotateAtSeqNum: 7n }
    ]
    const written = RotateStreams.request(15).encode({ newChunkId: 1n, positions })
    for (const padding of RotateStreams.paddings) {
      const unpadded = Commands.join(written.subarray(0, 5), written.subarray(12 - padding))
      assert.deepStrictEqual(needed([unpadded]), [
        [0n, 3n, 4n, 9n],
        [0n, 6n, 7n, 9n]
      ])
    }
    const again = RotateStreams.request(15).encode({
      newChunkId: undefined,
      positions: [{ streamId: 1n, rotateAtSeqNum: 6n }]
    })
    assert.deepStrictEqual(needed([written, again])[0], [0n, 3n, 4n, 5n, 6n, 9n])
  })

  it("are no others where a rotation is cut short", () => {
    const [one] = needed([Buffer.alloc(3)])
    assert.deepStrictEqual(one, [0n, 9n])
  })

  it("are forgotten once the relay has them: those of streams that are closed, and on either side of each rotation", () => {
    const made = new Needed()
    for (let round = 0; round < 100; round++) {
      const number = 10 * round
      const sequence = BigInt(2 * round)
      const positions = [
        { streamId: 1n, rotateAtSeqNum: sequence + 1n },
        // Of metadata, which has no packets.
        { streamId: 2n, rotateAtSeqNum: sequence }
      ]
      const payload = Buffer.from(RotateStreams.request(15).encode({ newChunkId: 1n, positions }))
      made.packet(1n, sequence, number)
      made.rotation(payload, 0, payload.length, number + 1)
      made.packet(1n, sequence + 1n, number + 2)
      const passing = BigInt(10 + round)
      made.packet(passing, 0n, number + 3)
      made.close(passing, number + 4)
      assert.isTrue(made.has(passing, 0n))
      assert.isTrue(made.has(1n, sequence) && made.has(1n, sequence + 1n))
    }
    // The packet behind the rotation is whole with the next one of its stream, and not before.
    made.free(990)
    assert.isTrue(made.has(1n, 198n) && made.has(1n, 199n))
    made.packet(1n, 200n, 1000)
    made.free(1000)
    assert.isFalse(made.has(1n, 198n) || made.has(1n, 199n))
    // Two streams, and where that of metadata was rotated last, which no packet of it has passed.
    assert.strictEqual(made.size, 4)
    for (const stream of [1n, 2n]) made.close(stream, 1001)
    made.free(1001)
    assert.strictEqual(made.size, 0)
  })
})
