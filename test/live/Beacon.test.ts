/** Signs of life: who is found silent, when, and how often it is said. On a clock of the test's own. */
import { assert, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Incidents } from "../../src/relay/Incidents.ts"
import * as Beacon from "../../src/relay/session/Beacon.ts"
import { logged } from "../support/logged.ts"

interface Stream extends Beacon.Watched {
  readonly model: { signOfLifeCount: number }
}

const streamOf = (channelName: string, changes: Partial<Beacon.Watched> = {}): Stream => ({
  isMetadata: false,
  isPublished: true,
  path: "ust",
  channelName,
  byteCount: 0,
  isBehind: false,
  ...changes,
  model: { signOfLifeCount: 0 }
})

const makeWatch = Effect.gen(function* () {
  const { layer, lines: warnings } = logged()
  const beacons = yield* Effect.provide(Beacon.make, layer)
  const watch = (liveTimer: number, ...streams: ReadonlyArray<Stream>) =>
    Effect.gen(function* () {
      const stalls = { stallCount: 0 }
      const incidents = new Incidents()
      const open = new Map(streams.entries())
      const verdicts: Array<string> = []
      const onVerdict = (verdict: string) => Effect.sync(() => verdicts.push(verdict))
      yield* beacons.watch({ label: "session", liveTimer, streams: open, stalls, incidents, onVerdict })
      const pass = (millis: number) => Effect.map(TestClock.adjust(`${millis} millis`), () => stalls.stallCount)
      return { open, stalls, incidents, pass, verdicts }
    })
  return { warnings, watch }
})

const watched = (liveTimer: number, ...streams: ReadonlyArray<Stream>) =>
  Effect.flatMap(makeWatch, ({ warnings, watch }) =>
    Effect.map(watch(liveTimer, ...streams), (session) => ({ ...session, warnings }))
  )

it.effect("a stream that says nothing for three periods is reported once", () =>
  Effect.gen(function* () {
    const { incidents, pass, warnings } = yield* watched(1_000_000, streamOf("a"))
    // The first look learns of the stream.
    assert.strictEqual(yield* pass(1000), 0)
    assert.strictEqual(yield* pass(2000), 0)
    assert.strictEqual(yield* pass(1000), 1)
    assert.strictEqual(yield* pass(60_000), 1)
    assert.strictEqual(warnings.length, 1)
    assert.deepStrictEqual([...incidents.counts], [["STREAM_STALLED", 1]])
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

it.effect("sessions with the same timer and with another are each watched by their own streams", () =>
  Effect.gen(function* () {
    const { watch, warnings } = yield* makeWatch
    const speaking = streamOf("speaking")
    const first = yield* watch(100_000, speaking)
    const second = yield* watch(100_000, streamOf("silent"))
    const slow = yield* watch(1_000_000, streamOf("silent"))
    for (let period = 0; period < 9; period++) {
      speaking.model.signOfLifeCount++
      yield* first.pass(100)
    }
    assert.deepStrictEqual(
      [first, second, slow].map(({ stalls }) => stalls.stallCount),
      [0, 1, 0]
    )
    yield* slow.pass(3100)
    assert.deepStrictEqual(
      [first, second, slow].map(({ stalls }) => stalls.stallCount),
      [1, 1, 1]
    )
    assert.strictEqual(warnings.length, 3)
  })
)

it.effect("a session that ended is watched no more, and one that comes after all have left is", () =>
  Effect.gen(function* () {
    const { watch } = yield* makeWatch
    const first = yield* Effect.scoped(watch(100_000, streamOf("a")))
    assert.strictEqual(yield* first.pass(1000), 0)
    const second = yield* watch(100_000, streamOf("a"))
    assert.strictEqual(yield* second.pass(1000), 1)
    assert.strictEqual(first.stalls.stallCount, 0)
  })
)

it.effect("a session of which nothing is heard is stalled, heard again when something is, and over in the end", () =>
  Effect.gen(function* () {
    const stream = streamOf("a")
    const metadata = streamOf("metadata", { isMetadata: true })
    const { pass, verdicts } = yield* watched(1_000_000, stream, metadata)
    yield* pass(10_900)
    assert.deepStrictEqual(verdicts, [])
    yield* pass(1000)
    assert.deepStrictEqual(verdicts, ["stalled"])
    stream.model.signOfLifeCount++
    yield* pass(1000)
    assert.deepStrictEqual(verdicts, ["stalled", "heard"])
    yield* pass(119_000)
    assert.deepStrictEqual(verdicts, ["stalled", "heard", "stalled"])
    yield* pass(2000)
    assert.deepStrictEqual(verdicts, ["stalled", "heard", "stalled", "over"])
  })
)

it.effect("no session is stalled within five seconds, while its files are behind, or while no stream owes a sign", () =>
  Effect.gen(function* () {
    const { watch } = yield* makeWatch
    const quick = yield* watch(1000, streamOf("a"))
    const heldBack = yield* watch(1000, streamOf("a", { isBehind: true }))
    const empty = yield* watch(1000, streamOf("metadata", { isMetadata: true }), streamOf("b", { isPublished: false }))
    yield* quick.pass(5000)
    assert.deepStrictEqual(quick.verdicts, [])
    yield* quick.pass(300)
    yield* quick.pass(200_000)
    assert.deepStrictEqual(
      [quick, heldBack, empty].map(({ verdicts }) => verdicts),
      [["stalled", "over"], [], []]
    )
  })
)

it.effect("a machine's clock that is set, back or forth, makes nobody silent", () =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    let aheadMillis = 0
    const nowMillis = () => clock.currentTimeMillisUnsafe() + aheadMillis
    const set: Clock.Clock = Object.assign(Object.create(clock), {
      currentTimeMillisUnsafe: nowMillis,
      currentTimeMillis: Effect.sync(nowMillis)
    })
    const { pass, verdicts } = yield* Effect.provideService(watched(1_000_000, streamOf("a")), Clock.Clock, set)
    yield* pass(2000)
    for (const millis of [86_400_000, -86_400_000]) {
      aheadMillis = millis
      yield* pass(3000)
    }
    assert.deepStrictEqual(verdicts, [])
    yield* pass(5000)
    assert.deepStrictEqual(verdicts, ["stalled"])
  })
)
