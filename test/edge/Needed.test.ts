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
    made.rotation(bytes, 7, 7 + payload.length)
  }
  for (const stream of [1n, 2n]) for (const sequence of sequences) made.packet(stream, sequence)
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
})
