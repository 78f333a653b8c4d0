/** Files on slow disks: exactly as slow as was said, on the clock of the test, and nobody else waits. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { FileFailed, OpenFile } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { SlowFiles } from "../../src/testing/index.ts"

const isOn = (path: string) => path.startsWith("/slow/")

const openOf = (...slow: ReadonlyArray<SlowFiles.Slowness>) =>
  Effect.gen(function* () {
    const memory = new MemoryFiles()
    for (const directory of ["/slow", "/fast"]) yield* memory.service.makeDirectory(directory)
    const files = yield* SlowFiles.make(memory.service, ...slow)
    return { memory, open: (path: string) => files.open(path, "create") }
  })

/** Whether it is done at `millis` and was not a millisecond before. */
const takes = (millis: number, act: Effect.Effect<unknown, FileFailed>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(act, { startImmediately: true })
    yield* TestClock.adjust(millis - 1)
    assert.isUndefined(fiber.pollUnsafe(), `done before ${millis} ms`)
    yield* TestClock.adjust(1)
    yield* Effect.yieldNow
    assert.isDefined(fiber.pollUnsafe(), `not done after ${millis} ms`)
    yield* Fiber.join(fiber)
  })

const write = (file: OpenFile, size: number) => file.write([Buffer.alloc(size, 1)], 0)

describe("slow files", () => {
  it.effect("write at their rate, one after the other, with no way around it", () =>
    Effect.gen(function* () {
      const { memory, open } = yield* openOf({ bytesPerSecond: 1_000_000, isOn })
      const file = yield* open("/slow/a")
      assert.deepStrictEqual([file.writeNow, file.writeBeside], [undefined, undefined])
      yield* takes(300, Effect.all([write(file, 100_000), write(yield* open("/slow/b"), 200_000)], { concurrency: 2 }))
      assert.strictEqual(memory.read("/slow/a")?.length, 100_000)
      yield* takes(50, file.read(new Uint8Array(50_000), 0))
    })
  )

  it.effect("take their latency for every operation, side by side", () =>
    Effect.gen(function* () {
      const { open } = yield* openOf({ latencyMillis: 40 })
      yield* takes(40, Effect.all([open("/slow/a"), open("/fast/b")], { concurrency: 2 }))
    })
  )

  it.effect("stall at the end of every period, and go on", () =>
    Effect.gen(function* () {
      const { open } = yield* openOf({ stall: { lastsMillis: 2000, everyMillis: 10_000 }, isOn })
      const file = yield* open("/slow/a")
      yield* write(file, 1)
      yield* TestClock.adjust(8500)
      yield* takes(1500, write(file, 1))
      yield* write(file, 1)
    })
  )

  it.effect("are devices of their own: files elsewhere do not wait, nor those of another slow disk", () =>
    Effect.gen(function* () {
      const { open } = yield* openOf(
        { bytesPerSecond: 1000, isOn },
        { bytesPerSecond: 1_000_000, isOn: (path) => path.startsWith("/fast/slower") }
      )
      const [slow, other, fast] = [yield* open("/slow/a"), yield* open("/fast/slower"), yield* open("/fast/a")]
      assert.strictEqual(new Set([slow.device, other.device, fast.device]).size, 3)
      const behind = yield* Effect.forkChild(write(slow, 100_000), { startImmediately: true })
      yield* write(fast, 1_000_000)
      yield* takes(1000, write(other, 1_000_000))
      yield* TestClock.adjust(99_000)
      yield* Fiber.join(behind)
    })
  )
})
