/** Signs of life: who is found silent, when, and how often it is said. On a clock of the test's own. */
import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as Beacon from "../../src/relay/Beacon.ts"

interface Stream extends Beacon.Watched {
  readonly model: { signOfLifeCount: number }
}

const streamOf = (channelName: string, changes: Partial<Beacon.Watched> = {}): Stream => ({
  isMetadata: false,
  isPublished: true,
  path: "ust",
  channelName,
  ...changes,
  model: { signOfLifeCount: 0 }
})

const watched = (liveTimer: number, ...streams: ReadonlyArray<Stream>) =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    const stalls = { stallCount: 0 }
    const open = new Map(streams.entries())
    const logger = Logger.make((entry) => {
      warnings.push(String(entry.message))
    })
    yield* Effect.forkScoped(Effect.provide(Beacon.watch({ liveTimer, streams: open, stalls }), Logger.layer([logger])))
    const pass = (millis: number) => Effect.map(TestClock.adjust(`${millis} millis`), () => stalls.stallCount)
    return { open, warnings, pass }
  })

it.effect("a stream that says nothing for three periods is reported once", () =>
  Effect.gen(function* () {
    const { pass, warnings } = yield* watched(1_000_000, streamOf("a"))
    // The first look learns of the stream.
    assert.strictEqual(yield* pass(1000), 0)
    assert.strictEqual(yield* pass(2000), 0)
    assert.strictEqual(yield* pass(1000), 1)
    assert.strictEqual(yield* pass(60_000), 1)
    assert.strictEqual(warnings.length, 1)
  })
)

it.effect("a sign of life within three periods is enough, and a stall that ended can be reported again", () =>
  Effect.gen(function* () {
    const stream = streamOf("a")
    const { pass } = yield* watched(200_000, stream)
    for (let round = 0; round < 20; round++) {
      stream.model.signOfLifeCount++
      assert.strictEqual(yield* pass(600), 0)
    }
    assert.strictEqual(yield* pass(2000), 1)
    stream.model.signOfLifeCount++
    assert.strictEqual(yield* pass(600), 1)
    assert.strictEqual(yield* pass(2000), 2)
  })
)

it.effect("metadata, unpublished and closed streams are not expected to speak", () =>
  Effect.gen(function* () {
    const { open, pass } = yield* watched(
      100_000,
      streamOf("metadata", { isMetadata: true }),
      streamOf("new", { isPublished: false }),
      streamOf("closing")
    )
    assert.strictEqual(yield* pass(300), 0)
    open.delete(2)
    assert.strictEqual(yield* pass(10_000), 0)
  })
)

it.effect("streams stalled together are one message", () =>
  Effect.gen(function* () {
    const { pass, warnings } = yield* watched(100_000, streamOf("a"), streamOf("b"))
    assert.strictEqual(yield* pass(1000), 2)
    assert.strictEqual(warnings.length, 1)
  })
)

it.effect("a timer of a microsecond is not followed that closely", () =>
  Effect.gen(function* () {
    const { pass } = yield* watched(1, streamOf("a"))
    assert.strictEqual(yield* pass(300), 0)
    assert.strictEqual(yield* pass(100), 1)
  })
)
