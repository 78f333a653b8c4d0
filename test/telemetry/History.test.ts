/** The last quarter of an hour of each session: rates of its data streams, the lag of its slowest viewer. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Relay } from "../../src/Relay.ts"
import type { SessionStatus } from "../../src/relay/Status.ts"
import * as Totals from "../../src/relay/Totals.ts"
import { History } from "../../src/telemetry/History.ts"
import { session, stream } from "./readings.ts"

const told = (byteCount: number, eventsDiscarded: number, more: Partial<SessionStatus> = {}) =>
  session("s", { streams: [stream("ch_0", { byteCount, eventsDiscarded })], ...more })

/** A relay that tells of one list of sessions after the other, each for 5 s; answers the history at the end. */
const after = (...looks: ReadonlyArray<ReadonlyArray<SessionStatus>>) =>
  Effect.gen(function* () {
    let at = 0
    const sessions = Effect.sync(() => looks[at++] ?? [])
    const relay = Layer.succeed(Relay, { sessions } as unknown as Relay["Service"])
    return yield* Effect.gen(function* () {
      const history = yield* History
      yield* TestClock.adjust(`${5 * (looks.length - 1)} seconds`)
      assert.strictEqual(at, looks.length)
      return history
    }).pipe(Effect.provide(Layer.provide(History.layer, relay)))
  })

it.effect("a point is what came in five seconds, for each of them, and how far the slowest viewer was behind", () =>
  Effect.gen(function* () {
    const viewers = [2e9, 5e9, 1e9].map((lagNanos) => ({ lagNanos, lagPacketCount: 1 }))
    const watched = told(6000, 15, { viewers } as unknown as Partial<SessionStatus>)
    const history = yield* after([told(1000, 5)], [told(3500, 5)], [watched], [told(6000, 15)])
    assert.deepEqual(history.of(1), {
      bytes: [500, 500, 0],
      eventsDiscarded: [0, 2, 0],
      lagSeconds: [0, 5, 0]
    } as never)
  })
)

it.effect("a rate is by the time that passed, however late the look", () =>
  Effect.gen(function* () {
    let at = 0
    const late = Effect.suspend(() => Effect.as(Effect.sleep(at === 0 ? 0 : "5 seconds"), [told(10_000 * at++, 0)]))
    const relay = Layer.succeed(Relay, { sessions: late } as unknown as Relay["Service"])
    const history = yield* Effect.gen(function* () {
      const found = yield* History
      yield* TestClock.adjust("20 seconds")
      return found
    }).pipe(Effect.provide(Layer.provide(History.layer, relay)))
    assert.deepStrictEqual(history.of(1)?.bytes, [1000, 1000])
  })
)

it.effect("what a stream has received counts when it is closed, too; metadata never does", () =>
  Effect.gen(function* () {
    const totals = (byteCount: number) => ({ ...Totals.none(), byteCount })
    const metadata = stream("metadata", { byteCount: 70_000 })
    const before = session("s", { streams: [stream("ch_0", { byteCount: 1000 }), metadata] })
    const closedChannels = [
      { channelName: "ch_0", ...totals(2000) },
      { channelName: "metadata", ...totals(90_000) }
    ]
    const history = yield* after([before], [session("s", { closedChannels })], [session("s", { closedChannels })])
    assert.deepStrictEqual(history.of(1)?.bytes, [200, 0])
  })
)

it.effect("it goes back a quarter of an hour, and is forgotten with its session", () =>
  Effect.gen(function* () {
    const looks = Array.from({ length: 200 }, (_, at) => [told(at * at, 0)])
    const history = yield* after(...looks)
    const { bytes = [] } = history.of(1) ?? {}
    assert.lengthOf(bytes, 180)
    assert.strictEqual(bytes.at(-1), (199 ** 2 - 198 ** 2) / 5)
    assert.isUndefined((yield* after(...looks, [])).of(1))
  })
)
