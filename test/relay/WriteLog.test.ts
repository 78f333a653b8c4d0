/** A stream's log whose fiber yields at any point: what is asked meanwhile is done, though nothing follows it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Gather } from "../../src/relay/stream/Gather.ts"
import { WriteLog } from "../../src/relay/stream/WriteLog.ts"
import { operationCounts, yielding } from "../support/yielding.ts"

const nothing = () => undefined
const progress = () => ({ prevDataSeq: 0n, prevIndexSeq: 0n, indexCount: 0, packetCount: 0, byteCount: 0 })

/** Asks for a step at the `at`th yield after the first step; done when the log is. */
const askedAt = (operationCount: number, at: number) =>
  Effect.gen(function* () {
    const log = new WriteLog(progress, new Gather(() => false), nothing, undefined)
    let yieldCount = 0
    const ask = () => log.step(Effect.void, false)
    const between = () => {
      if (++yieldCount === at) ask()
    }
    const fiber = yield* Effect.forkChild(
      yielding(
        log.run(() => Effect.void),
        operationCount,
        between
      )
    )
    ask()
    // One turn for each yield is enough, and a step needs a few.
    for (let turn = 0; turn < 1000 && !(log.isIdle && yieldCount >= at); turn++) yield* Effect.yieldNow
    const isIdle = log.isIdle
    log.end()
    yield* Fiber.join(fiber)
    return isIdle
  })

describe("a stream's log", () => {
  it.live("does what is asked of it while its fiber has yielded, wherever that was", () =>
    Effect.gen(function* () {
      const missed: Array<string> = []
      for (const operationCount of operationCounts) {
        for (let at = 1; at <= 4; at++) {
          if (!(yield* askedAt(operationCount, at))) missed.push(`yield ${at} after ${operationCount} operations`)
        }
      }
      assert.deepStrictEqual(missed, [])
    })
  )
})
