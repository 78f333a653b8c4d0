/** How a packet is fetched. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Flags } from "../../src/protocol/live/GetNextIndex.ts"
import type * as GetPacket from "../../src/protocol/live/GetPacket.ts"
import { Status } from "../../src/protocol/live/GetPacket.ts"
import { fetched } from "../../src/viewer/PacketSlices.ts"

const mebibyte = 1024 * 1024
const file = Buffer.from(Array.from({ length: 3 * mebibyte }, (_, at) => at % 251))

/** A relay that sends `each` bytes at most, and none from `end` on. */
const relayOf = (end = file.length, each = mebibyte) => {
  const asked: Array<{ readonly at: number; readonly len: number }> = []
  const packet = (_streamId: bigint, offset: bigint, len: number): Effect.Effect<GetPacket.Reply> => {
    const at = Number(offset)
    asked.push({ at, len })
    const none = { status: Status.retry, flags: Flags.newMetadata, data: new Uint8Array(0) }
    const some = { status: Status.ok, flags: 0, data: file.subarray(at, at + Math.min(len, each)) }
    return Effect.succeed(at >= end ? none : some)
  }
  return { asked, packet }
}

describe("a packet that is fetched", () => {
  it.effect("comes in slices of 1 MiB, whole", () =>
    Effect.gen(function* () {
      const relay = relayOf()
      const bytes = yield* fetched(relay, 1n, 10n, 2 * mebibyte + 5)
      assert.isTrue(file.subarray(10, 2 * mebibyte + 15).equals(bytes as Uint8Array))
      const slices = [mebibyte, mebibyte, 5].map((len, index) => ({ at: 10 + index * mebibyte, len }))
      assert.deepStrictEqual(relay.asked, slices)
    })
  )

  it.effect("is whole if it comes byte by byte", () =>
    Effect.gen(function* () {
      const bytes = yield* fetched(relayOf(file.length, 1), 1n, 3n, 3000)
      assert.isTrue(file.subarray(3, 3003).equals(bytes as Uint8Array))
    })
  )

  it.effect("is asked for from where a relay that sends less than was asked has come to", () =>
    Effect.gen(function* () {
      const bytes = yield* fetched(relayOf(file.length, 1000), 1n, 0n, 2500)
      assert.isTrue(file.subarray(0, 2500).equals(bytes as Uint8Array))
    })
  )

  it.effect("is none when a slice is refused, and it is told why", () =>
    Effect.gen(function* () {
      const refusal = yield* fetched(relayOf(mebibyte), 1n, 0n, 2 * mebibyte)
      assert.deepStrictEqual(refusal, { status: Status.retry, flags: Flags.newMetadata })
    })
  )

  it.effect("of no bytes needs no question", () =>
    Effect.gen(function* () {
      const relay = relayOf()
      assert.strictEqual(((yield* fetched(relay, 1n, 0n, 0)) as Uint8Array).length, 0)
      assert.isEmpty(relay.asked)
    })
  )
})
