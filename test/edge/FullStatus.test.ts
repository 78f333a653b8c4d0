/** What an edge says of itself on a disk that has become full, when somebody wants to know. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Report from "../../src/edge/Report.ts"
import { MemoryFiles } from "../../src/storage/MemoryFiles.ts"

const spool = "/spool"

const status = (atMillis: number, lossCount: number): Report.EdgeStatus => ({
  ...{ atMillis, pid: 1, relay: "net://relay", connectedCount: 0, lossCount, sentByteCount: 0, resentByteCount: 0 },
  ...{ heardByteCount: 0, heardBytesPerSecond: 0, sentBytesPerSecond: 0, oldestMillis: 0, lagMillis: 0 },
  ...{ savedByteCount: 0, spoolBytes: 0, spoolBytesMax: 1, isFull: true, losses: [], lostPartCount: 0 },
  ...{ lostParts: [], journals: [] }
})

it.effect("is written over what it said before, and then beside it as ever", () =>
  Effect.gen(function* () {
    const files = new MemoryFiles({ bytesMax: 40 * 1024 })
    const { service } = files
    yield* service.makeDirectory(spool)
    yield* Report.write(service, spool, status(1, 0))
    files.write("/segments", Buffer.alloc(20 * 1024))
    for (const [atMillis, lossCount] of [
      [2, 1_000_000_007],
      [3, 0]
    ] as const) {
      yield* Report.write(service, spool, status(atMillis, lossCount))
      assert.deepInclude(yield* Report.read(service, spool), { atMillis, lossCount })
      assert.isDefined(files.read("/spool/status.json.new"), "there was room for no other file")
    }
    yield* service.unlink("/segments")
    yield* Report.write(service, spool, status(4, 0))
    assert.deepInclude(yield* Report.read(service, spool), { atMillis: 4 })
    assert.isUndefined(files.read("/spool/status.json.new"))
  })
)
