/**
 * Recording, end to end: real applications, session and consumer daemons → the relay → babeltrace2.
 * Goal: every event emitted is read back once, in order, whatever the shape of the recording session.
 * Method: channels that block instead of discarding, so that any loss is the relay's.
 */
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"

const count = 100_000

const setUp = Effect.fnUntraced(function* (options: Relays.Options = {}) {
  const relay = yield* Relays.start(Relays.underTest, options)
  const tracing = yield* Lttng.start
  const record = (session: string, more: Lttng.SessionOptions = {}) => Lttng.record(tracing, relay, session, more)
  return { relay, ...tracing, record }
})

Peers.describeConcurrently(Peers.tracing, `recording to ${Relays.underTest}`, () => {
  it.live("per-user buffers, one channel, -U net://: every event, in order", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("one")
      yield* emit({ count, tockEvery: 1000 })
      yield* lttng("stop")
      yield* lttng("destroy")
      const directory = Babeltrace.sessionDirectory(relay.output, "one")
      const readout = yield* Babeltrace.read(directory)
      Babeltrace.assertExactly(readout, [{ count }])
      assert.deepStrictEqual(Object.fromEntries(readout.byName), { "demo:tick": 99_900, "demo:tock": 100 })
      assert.isAbove(Babeltrace.assertIndexed(directory), 10)
    })
  )

  it.live("the data is complete when `lttng stop` returns", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("stopped")
      yield* emit({ count })
      yield* lttng("stop")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count }])
      Babeltrace.assertIndexed(relay.output)
    })
  )

  it.live("per-process buffers: one trace for each application, named by its pid", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("pids", { channel: ["--buffers-pid"] })
      yield* Effect.all(
        [1, 2, 3].map((source) => emit({ count: 20_000, source })),
        { concurrency: "unbounded" }
      )
      yield* lttng("stop")
      yield* lttng("destroy")
      const readout = yield* Babeltrace.read(relay.output)
      Babeltrace.assertExactly(
        readout,
        [1, 2, 3].map((source) => ({ source, count: 20_000 }))
      )
      const traces = Babeltrace.traces(Babeltrace.sessionDirectory(relay.output, "pids"))
      assert.strictEqual(traces.length, 3)
      for (const trace of traces) assert.match(trace, /^ust\/pid\/demo-app-\d+-\d{8}-\d{6}$/)
      Babeltrace.assertIndexed(relay.output)
    })
  )

  it.live("several channels, -C and -D given apart: each event in the files of its channel", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      const control = `tcp://127.0.0.1:${relay.controlPort}`
      yield* lttng("create", "channels", "-C", control, "-D", `tcp://127.0.0.1:${relay.dataPort}`)
      yield* lttng(...Lttng.losslessChannel("ticks"))
      yield* lttng(...Lttng.losslessChannel("tocks", "--subbuf-size=4k"))
      yield* lttng("enable-event", "-u", "-c", "ticks", "demo:tick")
      yield* lttng("enable-event", "-u", "-c", "tocks", "demo:tock")
      yield* lttng("start")
      yield* emit({ count, tockEvery: 20, cpu: 0 })
      yield* lttng("stop")
      yield* lttng("destroy")
      const directory = Babeltrace.sessionDirectory(relay.output, "channels")
      const readout = yield* Babeltrace.read(directory)
      Babeltrace.assertExactly(readout, [{ count }])
      assert.deepStrictEqual(Object.fromEntries(readout.byName), { "demo:tick": 95_000, "demo:tock": 5000 })
      const names = Tree.files(directory).map((path) => path.replace(/^ust\/uid\/0\/64-bit\//, ""))
      assert.includeMembers([...names], ["index/ticks_0.idx", "index/tocks_0.idx", "metadata", "ticks_0", "tocks_0"])
      Babeltrace.assertIndexed(directory)
    })
  )

  it.live("applications on two processors at once: one file per processor, both complete", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("cpus")
      yield* Effect.all(
        [0, 1].map((cpu) => emit({ count, source: cpu, cpu })),
        { concurrency: "unbounded" }
      )
      yield* lttng("stop")
      yield* lttng("destroy")
      const readout = yield* Babeltrace.read(relay.output)
      Babeltrace.assertExactly(readout, [
        { source: 0, count },
        { source: 1, count }
      ])
      Babeltrace.assertIndexed(relay.output)
    })
  )

  it.live("recording sessions one after another over one relay", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      for (const round of [1, 2, 3, 4]) {
        yield* record(`round${round}`)
        yield* emit({ count: 1000 * round, source: round })
        yield* lttng("destroy")
        const directory = Babeltrace.sessionDirectory(relay.output, `round${round}`)
        Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ source: round, count: 1000 * round }])
      }
    })
  )

  it.live("several recording sessions of the same application at once: each has all of it", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* setUp()
      const names = ["red", "green", "blue"]
      for (const name of names) {
        yield* lttng("create", name, ...Lttng.toRelay(relay))
        yield* lttng(...Lttng.losslessChannel("ch", "-s", name))
        yield* lttng("enable-event", "-u", "-s", name, "-c", "ch", "demo:*")
        yield* lttng("start", name)
      }
      yield* emit({ count: 30_000 })
      yield* lttng("destroy", "--all")
      for (const name of names) {
        const directory = Babeltrace.sessionDirectory(relay.output, name)
        Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 30_000 }])
      }
      Babeltrace.assertIndexed(relay.output)
    })
  )

  it.live.each([
    ["on a disk", "64k", false],
    ["in memory, large packets", "256k", true]
  ] as const)("two session daemons at once over one relay; files %s", ([, packetSize, isInMemory]) =>
    Effect.gen(function* () {
      const first = yield* setUp({ isInMemory })
      const second = yield* Lttng.start
      const emitted = isInMemory ? 200_000 : 50_000
      const record = (tracing: Lttng.Tracing, source: number) =>
        Effect.gen(function* () {
          yield* Lttng.record(tracing, first.relay, `daemon${source}`, { channel: [`--subbuf-size=${packetSize}`] })
          yield* tracing.emit({ count: emitted, source })
          yield* tracing.lttng("destroy")
        })
      yield* Effect.all([record(first, 1), record(second, 2)], { concurrency: "unbounded" })
      for (const source of [1, 2]) {
        const directory = Babeltrace.sessionDirectory(first.relay.output, `daemon${source}`)
        Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ source, count: emitted }])
      }
    })
  )

  it.live("events emitted between stop and start are not recorded, the others are", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("pause")
      yield* emit({ count: 500, source: 1 })
      yield* lttng("stop")
      yield* emit({ count: 500, source: 2 })
      yield* lttng("start")
      yield* emit({ count: 500, source: 3 })
      yield* lttng("destroy")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [
        { source: 1, count: 500 },
        { source: 3, count: 500 }
      ])
    })
  )

  it.live("a session without events leaves a readable, empty trace", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("quiet")
      yield* emit({ count: 0 })
      yield* lttng("destroy")
      const readout = yield* Babeltrace.read(relay.output)
      assert.strictEqual(readout.events, 0)
      assert.deepStrictEqual(readout.discarded, [])
      assert.strictEqual(Babeltrace.traces(relay.output).length, 1)
    })
  )

  it.live("over IPv6, net6://[::1]", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp({ host: "::1" })
      yield* record("six")
      yield* emit({ count: 10_000 })
      yield* lttng("destroy")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: 10_000 }])
    })
  )

  it.live("a path in the URL becomes the session's directory below the host's", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("based", { path: "/my/base/path" })
      yield* emit({ count: 100 })
      yield* lttng("destroy")
      const [trace = ""] = Babeltrace.traces(relay.output)
      assert.match(trace, /^[^/]+\/my\/base\/path\/ust\/uid\/0\/64-bit$/)
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: 100 }])
    })
  )

  it.live("--group-output-by-session puts the session's name first", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp({ args: ["--group-output-by-session"] })
      yield* record("grouped")
      yield* emit({ count: 100 })
      yield* lttng("destroy")
      const [trace = ""] = Babeltrace.traces(relay.output)
      assert.match(trace, /^grouped\/[^/]+-\d{8}-\d{6}\/ust\/uid\/0\/64-bit$/)
      Babeltrace.assertExactly(yield* Babeltrace.read(join(relay.output, "grouped")), [{ count: 100 }])
    })
  )
})

Peers.describeConcurrently([...Peers.tracing, "babeltrace"], `recording to ${Relays.underTest}, babeltrace 1`, () => {
  it.live("reads the same events", () =>
    Effect.gen(function* () {
      const { emit, lttng, record, relay } = yield* setUp()
      yield* record("old")
      yield* emit({ count: 10_000 })
      yield* lttng("destroy")
      Babeltrace.assertExactly(yield* Babeltrace.readWithBabeltrace1(relay.output), [{ count: 10_000 }])
    })
  )
})
