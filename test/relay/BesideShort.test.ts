/** Another thread that writes less than it was given says nothing of why: the rest is for the usual way, which does. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { Account, Pool } from "../../src/memory/Blocks.ts"
import { Landing, Slabs, slabBytes } from "../../src/memory/Landing.ts"
import { Gather } from "../../src/relay/stream/Gather.ts"
import type { Sink } from "../../src/relay/stream/Stage.ts"
import { WriteLog } from "../../src/relay/stream/WriteLog.ts"
import { FileFailed } from "../../src/storage/Files.ts"

const nothing = () => undefined
const progress = () => ({ prevDataSeq: 0n, prevIndexSeq: 0n, indexCount: 0, packetCount: 0, byteCount: 0 })

/** Of a device that has no room left. */
class FullSink implements Sink {
  readonly isImmediate = true
  readonly isNear = true
  readonly hasBeside = true
  readonly hasBesideRoom = true
  besideCount = 0

  appendNow(): number {
    return 0
  }

  append() {
    return Effect.fail(new FileFailed({ operation: "write", path: "", code: "ENOSPC" }))
  }

  appendBeside(_: unknown, onDone: () => void) {
    // A thread that never gave up would be asked for ever.
    if (++this.besideCount > 100) return undefined
    setImmediate(onDone)
    return { isBegun: true, settle: () => 0 }
  }
}

/** A connection whose reads are held where they land. */
const connection = () => {
  const landing = new Landing(new Slabs(4))
  const account = new Account(new Pool(16 * 1024 * 1024), nothing, landing)
  account.hold(landing.bytes, 0, 1)
  landing.received()
  return { account, bytes: landing.bytes }
}

/** Two connections bring much at once; `also` is asked of the first stream's log. */
const played = (also: (log: WriteLog) => void) =>
  Effect.gen(function* () {
    const gather = new Gather(() => false)
    const sink = new FullSink()
    const [one, other] = [connection(), connection()]
    gather.isCrowd(other.account)
    const log = new WriteLog(progress, gather, nothing, undefined)
    const fiber = yield* Effect.forkChild(log.run(() => Effect.void))
    log.append(sink, one.bytes, 0, slabBytes / 2, false, one.account)
    also(log)
    while (log.failure === undefined) yield* Effect.sleep("1 millis")
    const exit = yield* Effect.exit(log.written)
    log.end()
    yield* Fiber.join(fiber)
    return { exit, sink, usedBytes: one.account.usedBytes }
  })

describe("a full device, as the thread beside finds it", () => {
  const cases = { "by itself": nothing, "when a step waits for it": (log: WriteLog) => log.step(Effect.void, false) }
  for (const [what, also] of Object.entries(cases)) {
    it.live(`fails the stream ${what}: nobody asks again for ever`, () =>
      Effect.gen(function* () {
        const { exit, sink, usedBytes } = yield* played(also)
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(sink.besideCount, 1)
        assert.strictEqual(usedBytes, 0)
      })
    )
  }
})
