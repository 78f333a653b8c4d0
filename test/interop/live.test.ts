/**
 * Live reading, end to end: real applications, session and consumer daemons → the relay → real viewers.
 * Goal: a viewer that is attached gets every event once and in order, learns of what appears while it watches, and ends
 * by itself when the session does. Method: channels that block instead of discarding; the viewer's output is the
 * evidence, and what it must contain at a moment is waited for before the next step.
 */
import { hostname } from "node:os"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { list, sessionUrl, untilSource, view, viewBeside } from "../support/viewing.ts"

const timerMicros = 100_000

const setUp = Effect.fnUntraced(function* (options: Relays.Options = {}) {
  const relay = yield* Relays.start(Relays.underTest, options)
  const tracing = yield* Lttng.start
  return { relay, ...tracing }
})

const live = `--live=${timerMicros}`

/** A started live session with one channel, shared by all applications of the user. */
const record = (lttng: Lttng.Tracing["lttng"], relay: Relays.Relay, name: string) =>
  Lttng.record({ lttng }, relay, name, { create: [live] })

Peers.describeWithPeers([...Peers.tracing, "babeltrace", "stdbuf"], `viewing live from ${Relays.underTest}`, () => {
  it.live("babeltrace2 lists sessions and follows one from before the first event to its end", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      yield* record(lttng, relay, "follow")
      const viewer = yield* view(relay, "follow")
      yield* emit({ count: 1000 })
      yield* viewer.until(1000)
      assert.deepStrictEqual(
        (yield* list(relay)).map(({ session, timerMicros, clients }) => ({ session, timerMicros, clients })),
        [{ session: `${hostname()}/follow`, timerMicros, clients: 1 }]
      )
      yield* lttng("stop")
      yield* lttng("destroy")
      Babeltrace.assertExactly(yield* viewer.ended, [{ count: 1000 }])
      assert.deepStrictEqual(yield* list(relay), [])
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: 1000 }])
    })
  )

  it.live("twenty viewers of one session get everything, each", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp({ args: ["-v"] })
      yield* record(lttng, relay, "shared")
      const viewers = yield* Effect.forEach(Array.from({ length: 20 }), () => viewBeside(relay, "shared"))
      yield* emit({ count: 20_000 })
      for (const viewer of viewers) yield* viewer.until(20_000)
      const late = yield* viewBeside(relay, "shared")
      yield* emit({ count: 500, from: 20_000 })
      yield* late.until(500)
      yield* lttng("destroy")
      for (const viewer of viewers) Babeltrace.assertExactly(yield* viewer.ended, [{ count: 20_500 }])
      Babeltrace.assertExactly(yield* late.ended, [{ from: 20_000, count: 500 }])
    })
  )

  it.live("--single-viewer refuses the second one", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp({ args: ["--single-viewer"] })
      yield* record(lttng, relay, "alone")
      const viewer = yield* view(relay, "alone")
      const second = yield* Process.attempt("babeltrace2", ["-i", "lttng-live", sessionUrl(relay, "alone")])
      assert.notStrictEqual(second.code, 0)
      yield* emit({ count: 100 })
      yield* lttng("destroy")
      Babeltrace.assertExactly(yield* viewer.ended, [{ count: 100 }])
    })
  )

  it.live("a stream without events does not hold back one with events", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      yield* record(lttng, relay, "idle")
      yield* emit({ count: 10, source: 1, cpu: 0 })
      const viewer = yield* view(relay, "idle")
      for (const round of [0, 1, 2]) {
        yield* emit({ count: 50, source: 2, cpu: 1, from: round * 50 })
        yield* untilSource(viewer, 2, (round + 1) * 50)
      }
      yield* lttng("destroy")
      yield* viewer.ended
    })
  )

  for (const program of ["babeltrace2", "babeltrace"] as const) {
    it.live(`${program} beside a quiet application: those that come, stay or go are seen, each event once`, () =>
      Effect.gen(function* () {
        const { emit, lttng, relay } = yield* setUp()
        yield* lttng("create", "quiet", live, ...Lttng.toRelay(relay))
        yield* lttng("enable-channel", "-u", "--buffers-pid", "--blocking-timeout=inf", "ch")
        yield* lttng("enable-event", "-u", "-c", "ch", "demo:*")
        yield* lttng("start")
        const viewer = yield* view(relay, "quiet", program)
        const quiet = yield* Effect.forkScoped(emit({ count: 12, source: 9, sleepMicros: 1_000_000 }))
        yield* untilSource(viewer, 9, 1)
        const stays = yield* Effect.forkScoped(emit({ count: 150, source: 8, sleepMicros: 50_000 }))
        const rounds = 8
        for (let source = 0; source < rounds; source++) yield* emit({ count: 5, source })
        yield* untilSource(viewer, rounds - 1, 5)
        yield* Fiber.join(stays)
        yield* Fiber.join(quiet)
        yield* lttng("destroy")
        const short = Array.from({ length: rounds }, (_, source) => ({ source, count: 5 }))
        Babeltrace.assertExactly(yield* viewer.ended, [...short, { source: 8, count: 150 }, { source: 9, count: 12 }])
      })
    )
  }

  it.live("events enabled while the viewer is attached are decoded", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      yield* Lttng.record({ lttng }, relay, "types", { create: [live], events: "demo:tick" })
      const viewer = yield* view(relay, "types")
      yield* emit({ count: 100, tockEvery: 10 })
      yield* viewer.until(90)
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tock")
      yield* emit({ count: 100, tockEvery: 10, from: 100 })
      yield* viewer.until(190)
      yield* lttng("destroy")
      const readout = yield* viewer.ended
      assert.deepStrictEqual(Object.fromEntries(readout.byName), { "demo:tick": 180, "demo:tock": 10 })
    })
  )

  it.live("applications that come and go within one timer period are seen, each in a trace of its own", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      yield* Lttng.record({ lttng }, relay, "pids", { create: ["--live=1000000"], channel: ["--buffers-pid"] })
      const viewer = yield* view(relay, "pids")
      for (const source of [1, 2, 3]) yield* emit({ count: 10, source })
      yield* viewer.until(30)
      yield* emit({ count: 10, source: 4 })
      yield* lttng("destroy")
      Babeltrace.assertExactly(
        yield* viewer.ended,
        [1, 2, 3, 4].map((source) => ({ source, count: 10 }))
      )
    })
  )

  it.live("stop and start are a pause, a refused rotation is nothing", () =>
    Effect.gen(function* () {
      const { attempt, emit, lttng, relay } = yield* setUp()
      yield* record(lttng, relay, "pause")
      const viewer = yield* view(relay, "pause")
      for (const round of [0, 1, 2]) {
        yield* emit({ count: 100, from: round * 100 })
        yield* viewer.until((round + 1) * 100)
        assert.notStrictEqual((yield* attempt("rotate")).code, 0)
        yield* lttng("stop")
        yield* lttng("start")
      }
      yield* lttng("destroy")
      Babeltrace.assertExactly(yield* viewer.ended, [{ count: 300 }])
    })
  )

  it.live("clear while viewing: what was shown stays shown, what follows is shown once", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      yield* record(lttng, relay, "clear")
      const viewer = yield* view(relay, "clear")
      for (const round of [0, 1, 2]) {
        yield* emit({ count: 100, from: round * 100 })
        yield* viewer.until((round + 1) * 100)
        yield* lttng("clear")
      }
      yield* emit({ count: 100, from: 300 })
      yield* lttng("stop")
      yield* lttng("destroy")
      // The packets that the clears flushed and deleted held no events; the viewer names them all the same.
      Babeltrace.assertExactly({ ...(yield* viewer.ended), discarded: [] }, [{ count: 400 }])
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ from: 300, count: 100 }])
    })
  )

  it.live("a session that was stopped, cleared and destroyed under its viewer ends it", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      yield* record(lttng, relay, "emptied")
      yield* emit({ count: 100 })
      yield* lttng("stop")
      yield* lttng("clear")
      const viewer = yield* view(relay, "emptied")
      yield* lttng("destroy")
      assert.strictEqual((yield* viewer.ended).events, 0)
    })
  )

  it.live(
    "a ring of tracefiles that overwrites under the viewer: no event twice, none out of order, the last one seen",
    () =>
      Effect.gen(function* () {
        const { emit, lttng, relay } = yield* setUp()
        const channel = ["--tracefile-size=131072", "--tracefile-count=2"]
        yield* Lttng.record({ lttng }, relay, "ring", { create: [live], channel })
        const viewer = yield* view(relay, "ring")
        yield* emit({ count: 100, cpu: 0 })
        yield* viewer.until(100)
        viewer.signal("SIGSTOP")
        yield* emit({ count: 100_000, from: 100, cpu: 0 })
        viewer.signal("SIGCONT")
        yield* emit({ count: 100_000, from: 100_100, cpu: 0 })
        yield* lttng("destroy")
        const { bySource } = yield* viewer.ended
        const source = bySource.get(0)
        assert.strictEqual(source?.last, 200_099)
        assert.isAbove(source?.breaks.length ?? 0, 0)
        for (const step of source?.breaks ?? []) {
          const [previous = 0, next = 0] = step.split("→").map(Number)
          assert.isAbove(next, previous)
        }
      })
  )

  it.live("a relay without packet cache serves the same", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp({ args: ["--live-cache=0"] })
      yield* record(lttng, relay, "disk")
      const viewer = yield* view(relay, "disk")
      yield* emit({ count: 50_000 })
      yield* lttng("destroy")
      Babeltrace.assertExactly(yield* viewer.ended, [{ count: 50_000 }])
    })
  )

  it.live("babeltrace 1.5 follows a session, cleared on the way", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      yield* record(lttng, relay, "old")
      const viewer = yield* view(relay, "old", "babeltrace")
      yield* emit({ count: 20_000 })
      yield* viewer.until(20_000)
      yield* lttng("clear")
      yield* emit({ count: 100, from: 20_000 })
      yield* viewer.until(20_100)
      yield* lttng("destroy")
      Babeltrace.assertExactly({ ...(yield* viewer.ended), discarded: [] }, [{ count: 20_100 }])
    })
  )
})
