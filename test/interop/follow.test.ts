/**
 * Event records of live sessions, end to end: real applications, session and consumer daemons → the relay → `follow`.
 * Goal: what is printed while it happens is, line for line, what babeltrace2 prints of the recorded session afterwards.
 */
import { hostname } from "node:os"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Result, Stream } from "effect"
import * as Filters from "../../src/ctf/filter/Filters.ts"
import * as Where from "../../src/ctf/filter/Where.ts"
import * as LiveEvents from "../../src/viewer/LiveEvents.ts"
import * as LiveViewer from "../../src/viewer/LiveViewer.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import { settled } from "../support/ties.ts"
import * as Viewing from "../support/viewing.ts"
import * as Zoo from "../support/zoo.ts"

const setUp = Effect.gen(function* () {
  const relay = yield* Relays.start(Relays.underTest)
  const tracing = yield* Lttng.start
  return { relay, ...tracing }
})

const env = { TZ: "UTC", LC_ALL: "C.UTF-8" }

/**
 * Prints the session from its beginning to its end. Attached when this returns: an application of its own buffers that
 * ended before anybody watched is nobody's any more.
 */
const follow = (relay: Relays.Relay, session: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const url = `net://${relay.host}:${relay.livePort}/host/${hostname()}/${session}`
    const command = [toolboxProgram, "follow", "--wait", "--seek=beginning", ...args, url]
    const running = yield* Process.daemon(process.execPath, command, { env })
    yield* Process.until(`a viewer of ${session}`, Viewing.isWatched(relay, session), { everyMillis: 50 })
    return {
      until: (count: number) => Process.said(running, (output) => output.split("\n").length > count),
      ended: Effect.gen(function* () {
        yield* running.ended
        const outcome = running.outcome()
        assert.strictEqual(outcome?.code, 0, outcome?.stderr.slice(-2000))
        return outcome?.stdout ?? ""
      })
    }
  })

const recorded = (relay: Relays.Relay, session: string, ...args: ReadonlyArray<string>) =>
  Effect.map(
    Process.run("babeltrace2", [...args, Babeltrace.sessionDirectory(relay.output, session)], { env }),
    ({ stdout }) => stdout
  )

/** Where two texts part, in a few lines. */
const assertSameLines = (found: string, expected: string) => {
  const [a, b] = [settled(found), settled(expected)]
  const at = a.findIndex((line, index) => line !== b[index])
  const shown = (lines: ReadonlyArray<string>) => (at === -1 ? lines.length : lines.slice(at, at + 2))
  assert.deepStrictEqual(shown(a), shown(b), `from line ${at + 1} of ${a.length} and ${b.length}`)
}

Peers.describeConcurrently(Peers.tracing, `following event records from ${Relays.underTest}`, () => {
  for (const buffers of ["uid", "pid"] as const) {
    it.live(`per ${buffers}: applications on two processors that come and go, new event classes, to the end`, () =>
      Effect.gen(function* () {
        const { emit, lttng, relay } = yield* setUp
        yield* lttng("create", "f", "--live=100000", ...Lttng.toRelay(relay))
        yield* lttng(...Lttng.losslessChannel("ch", `--buffers-${buffers}`))
        yield* lttng("add-context", "-u", "-t", "vpid", "-t", "vtid", "-t", "procname")
        yield* lttng("enable-event", "-u", "-c", "ch", "demo:tick")
        yield* lttng("start")
        const viewer = yield* follow(relay, "f")
        yield* Effect.all(
          [emit({ count: 500, sleepMicros: 500, cpu: 0 }), emit({ count: 500, source: 1, sleepMicros: 400, cpu: 1 })],
          { concurrency: "unbounded" }
        )
        yield* viewer.until(1)
        yield* lttng("enable-event", "-u", "-c", "ch", "demo:tock")
        yield* Effect.all(
          [2, 3, 4].map((source) => emit({ count: 300, source, tockEvery: 3, sleepMicros: 300 })),
          { concurrency: "unbounded" }
        )
        yield* lttng("destroy")
        const shown = yield* viewer.ended
        const expected = yield* recorded(relay, "f")
        assert.strictEqual(expected.split("\n").length - 1, 1900)
        assertSameLines(shown, expected)
      })
    )
  }

  it.live("forty classes with fields of all types, contexts, tiny buffers that discard", () =>
    Effect.gen(function* () {
      const { lttng, relay, run } = yield* setUp
      const zoo = yield* Zoo.build(40)
      yield* lttng("create", "z", "--live=100000", ...Lttng.toRelay(relay))
      yield* lttng("enable-channel", "-u", "--subbuf-size=8k", "--num-subbuf=2", "small")
      yield* lttng("add-context", "-u", "-t", "vpid", "-t", "procname", "-t", "ip")
      yield* lttng("enable-event", "-u", "-c", "small", "zoo:*")
      yield* lttng(...Lttng.losslessChannel("ch"))
      yield* lttng("enable-event", "-u", "-c", "ch", "zoo:event_3*")
      yield* lttng("start")
      const viewer = yield* follow(relay, "z")
      yield* run(zoo, "30", "1000")
      yield* viewer.until(100)
      yield* run(zoo, "30", "1000")
      yield* lttng("destroy")
      const shown = yield* viewer.ended
      const expected = yield* recorded(relay, "z")
      assert.isAbove(expected.split("\n").length, 1000)
      assertSameLines(shown, expected)
    })
  )

  it.live("cleared meanwhile: what was shown before stays, what comes after is shown once", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay, run } = yield* setUp
      const zoo = yield* Zoo.build(40)
      yield* lttng("create", "c", "--live=100000", ...Lttng.toRelay(relay))
      yield* lttng(...Lttng.losslessChannel("ch"))
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tick")
      yield* lttng("start")
      const viewer = yield* follow(relay, "c", "--no-delta")
      yield* emit({ count: 400, sleepMicros: 200 })
      yield* viewer.until(400)
      // Metadata of two packets, which is in one when it is sent again.
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tock")
      yield* emit({ count: 100, source: 1, tockEvery: 2, sleepMicros: 200 })
      yield* viewer.until(500)
      yield* lttng("clear")
      yield* emit({ count: 300, source: 2, tockEvery: 2, sleepMicros: 200 })
      yield* lttng("enable-event", "-u", "-c", "ch", "zoo:event_1")
      yield* run(zoo, "30", "1000")
      yield* lttng("destroy")
      const shown = yield* viewer.ended
      const expected = yield* recorded(relay, "c", "--no-delta")
      assert.isAbove(expected.split("\n").length - 1, 300)
      assertSameLines(shown.split("\n").slice(500).join("\n"), expected)
    })
  )

  it.live("cleared meanwhile, metadata of many packets in one message: a class that is new after it is known", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay, run } = yield* setUp
      const zoo = yield* Zoo.build(40)
      yield* lttng("create", "m", "--live=100000", ...Lttng.toRelay(relay))
      yield* lttng(...Lttng.losslessChannel("ch"))
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tick,zoo:event_2*")
      yield* lttng("start")
      const viewer = yield* follow(relay, "m", "--no-delta")
      yield* run(zoo, "1", "0")
      // Each of these fills up its last packet with zeros, and does not when all of it is sent again.
      for (const [at, classes] of ["zoo:event_0", "zoo:event_4", "zoo:event_5", "zoo:event_6"].entries()) {
        yield* lttng("enable-event", "-u", "-c", "ch", classes)
        yield* run(zoo, "1", "0")
        yield* emit({ count: 10, source: at })
        yield* viewer.until(10 * (at + 1))
      }
      yield* lttng("clear")
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tock")
      yield* emit({ count: 300, source: 5, tockEvery: 2 })
      yield* lttng("destroy")
      const shown = (yield* viewer.ended).split("\n")
      const expected = yield* recorded(relay, "m", "--no-delta")
      const count = expected.split("\n").length - 1
      assert.isAtLeast(count, 300)
      assertSameLines(shown.slice(-1 - count).join("\n"), expected)
    })
  )

  it.live("two sessions of one name, of two tracers, one of which has new classes: all of both, in order", () =>
    Effect.gen(function* () {
      const { relay, ...one } = yield* setUp
      const two = yield* Lttng.start
      const sides = [one, two] as const
      for (const [at, { lttng }] of sides.entries()) {
        yield* lttng("create", "twin", "--live=100000", ...Lttng.toRelay(relay, `/side-${at}`))
        yield* lttng(...Lttng.losslessChannel("ch", at === 0 ? "--buffers-uid" : "--buffers-pid"))
        yield* lttng("enable-event", "-u", "-c", "ch", "demo:tick")
        yield* lttng("start")
      }
      const viewer = yield* follow(relay, "twin")
      const emitBoth = (source: number, tockEvery: number) =>
        Effect.all(
          sides.map(({ emit }, at) => emit({ count: 300, source: source + at, tockEvery, sleepMicros: 300 })),
          { concurrency: "unbounded" }
        )
      yield* one.emit({ count: 10 })
      yield* viewer.until(10)
      yield* emitBoth(1, 0)
      yield* emitBoth(3, 0)
      yield* one.lttng("enable-event", "-u", "-c", "ch", "demo:tock")
      yield* emitBoth(5, 2)
      for (const { lttng } of sides) yield* lttng("destroy")
      const shown = yield* viewer.ended
      const { stdout: expected } = yield* Process.run("babeltrace2", [relay.output], { env })
      // Half of the last 300 events of the second are of a class that nobody enabled there.
      assert.strictEqual(expected.split("\n").length - 1, 1660)
      assertSameLines(shown, expected)
    })
  )

  it.live("sessions of one name that begin later, of another tracer and of the same one again, join in order", () =>
    Effect.gen(function* () {
      const { relay, ...one } = yield* setUp
      const two = yield* Lttng.start
      const begin = ({ lttng }: Lttng.Tracing, path: string) =>
        Effect.gen(function* () {
          yield* lttng("create", "again", "--live=100000", ...Lttng.toRelay(relay, path))
          yield* lttng(...Lttng.losslessChannel("ch"))
          yield* lttng("enable-event", "-u", "-c", "ch", "demo:tick")
          yield* lttng("start")
        })
      const emitBoth = (source: number) =>
        Effect.all(
          [one, two].map(({ emit }, at) => emit({ count: 300, source: source + at, sleepMicros: 500 })),
          { concurrency: "unbounded" }
        )
      yield* begin(one, "/one")
      const viewer = yield* follow(relay, "again")
      yield* one.emit({ count: 200 })
      yield* viewer.until(200)
      // While the first goes on.
      yield* Effect.all([begin(two, "/two"), one.emit({ count: 1000, source: 1, sleepMicros: 500 })], {
        concurrency: "unbounded"
      })
      yield* emitBoth(2)
      yield* one.lttng("destroy")
      yield* two.emit({ count: 300, source: 4 })
      yield* begin(one, "/one-again")
      yield* emitBoth(5)
      yield* two.lttng("destroy")
      yield* one.lttng("destroy")
      // Nothing is left to be watched, but it is waited for.
      yield* begin(two, "/two-again")
      yield* two.emit({ count: 100, source: 7 })
      yield* two.lttng("destroy")
      const shown = yield* viewer.ended
      const { stdout: expected } = yield* Process.run("babeltrace2", [relay.output], { env })
      assert.strictEqual(expected.split("\n").length - 1, 2800)
      assertSameLines(shown, expected)
    })
  )

  it.live("the library: twenty applications that come and go, each a trace of its own, as one stream of values", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp
      yield* lttng("create", "many", "--live=100000", ...Lttng.toRelay(relay))
      yield* lttng(...Lttng.losslessChannel("ch", "--buffers-pid"))
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:tick")
      yield* lttng("start")
      yield* emit({ count: 10 })
      const { session, viewer } = yield* LiveViewer.fromUrl(
        `net://${relay.host}:${relay.livePort}/host/${hostname()}/many`
      )
      const attached = yield* viewer.attachAll(session ?? assert.fail(), { seek: "beginning", isPrompt: true })
      const filter = Filters.where(Result.getOrThrow(Where.parse("seq < 50")))
      const items = yield* Effect.forkScoped(Stream.runCollect(LiveEvents.stream(attached, { filter })))
      const sources = Array.from({ length: 20 }, (_, index) => index + 1)
      yield* Effect.forEach(sources, (source) => emit({ count: 60, source, sleepMicros: 2000 }), { concurrency: 5 })
      yield* lttng("destroy")
      const seen = new Map<number, Array<number>>()
      let last = 0n
      for (const item of yield* Fiber.join(items)) {
        if (item._tag !== "Event") assert.fail(JSON.stringify(item))
        const { fields, name, timestamp = 0n } = item.event
        assert.strictEqual(name, "demo:tick")
        assert.isTrue(timestamp >= last, `${timestamp} after ${last}`)
        last = timestamp
        const own = seen.get(Number(fields.source)) ?? []
        seen.set(Number(fields.source), [...own, Number(fields.seq)])
      }
      const expected = Array.from({ length: 50 }, (_, seq) => seq)
      for (const source of sources) assert.deepStrictEqual(seen.get(source), expected, `source ${source}`)
    })
  )
})
