/** Packets that viewers read from files, and the viewers that go away meanwhile. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Scheduler } from "effect"
import { SharedReads } from "../../src/relay/stream/SharedReads.ts"
import type { TraceFile } from "../../src/storage/TraceFile.ts"
import { freePieces } from "../support/pieces.ts"

const packetBytes = 4096

const file = { read: (into: Buffer) => Effect.as(Effect.yieldNow, into.fill(1).length) } as unknown as TraceFile
const range = (index: number) => ({ from: index * packetBytes, byteCount: packetBytes })

describe("packets read for several viewers", () => {
  it.live("are waited for by nobody once the viewer has gone that read them, whatever its next step was", () =>
    Effect.gen(function* () {
      const before = freePieces()
      // With fewer steps a fiber comes to nothing.
      for (let steps = 3; steps < 12; steps++) {
        for (let turns = 0; turns < 6; turns++) {
          const data = {}
          const reads = new SharedReads(1 << 20)
          const reading = reads.read(data, file, range(0), [range(1), range(2)])
          const first = yield* Effect.forkChild(Effect.provideService(reading, Scheduler.MaxOpsBeforeYield, steps))
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(first)
          const again = yield* Effect.forkChild(reads.read(data, file, range(1)))
          for (let turn = 0; turn < 10; turn++) yield* Effect.yieldNow
          assert.isDefined(again.pollUnsafe(), `${steps} steps, ${turns} turns`)
          assert.strictEqual(reads.find(data, packetBytes)?.byteCount, packetBytes)
        }
      }
      assert.strictEqual(freePieces(), before)
    })
  )
})
