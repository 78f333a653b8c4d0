/** Files that wait for room: on a full disk, or on one that is read-only until somebody has mended it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { FaultyFiles, type Operation } from "../../src/storage/FaultyFiles.ts"
import type { OpenFile } from "../../src/storage/Files.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"
import { RoomWait } from "../../src/storage/RoomWait.ts"
import { until } from "../../src/testing/Waiting.ts"

const changes: ReadonlyArray<[Operation, (file: OpenFile) => Effect.Effect<unknown, unknown>]> = [
  ["write", (file) => file.write([Buffer.alloc(8)], 0)],
  ["fsync", (file) => file.sync],
  ["truncate", (file) => file.truncate(0)]
]

describe("a file waits for room", () => {
  it.live.each(changes)("where it is to %s", ([operation, change]) =>
    Effect.gen(function* () {
      const faults = new FaultyFiles(new MemoryFiles().service)
      const wait = new RoomWait()
      let waitedFor: string | undefined
      wait.onWait = ({ code }) =>
        Effect.sync(() => {
          waitedFor = code
        })
      const file = wait.file(yield* faults.service.open("/file", "create"))
      faults.fail({ code: "EROFS", operation, times: 2 })
      yield* change(file)
      assert.deepStrictEqual([waitedFor, wait.isWaiting], ["EROFS", false])
    })
  )

  it.live("where what was synced may be lost, until the relay ends", () =>
    Effect.gen(function* () {
      const faults = new FaultyFiles(new MemoryFiles().service)
      const wait = new RoomWait()
      const file = wait.file(yield* faults.service.open("/file", "create"))
      faults.fail({ code: "EIO", operation: "fsync", times: 1 })
      const syncing = yield* Effect.forkScoped(Effect.flip(file.sync))
      yield* until("it to wait", () => wait.isWaiting)
      yield* file.write([Buffer.alloc(8)], 0)
      wait.end()
      assert.strictEqual((yield* Fiber.join(syncing)).code, "EIO")
      yield* file.sync
    })
  )
})
