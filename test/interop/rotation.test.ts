/**
 * Trace chunks with the real tracer: rotations, clears, snapshots, regenerated metadata and tracefile rings.
 * Goal: no event is lost or stored twice by anything that moves, removes or restarts files.
 * Method: as in recording.test.ts, but files lie in memory. Archives and the rest of a session are read back as one
 * trace.
 */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"

const archiveName = /^\d{8}T\d{6}\+0000-\d{8}T\d{6}\+0000-\d+$/
const openName = /^\d{8}T\d{6}\+0000-\d+$/

interface SetUp extends Lttng.SessionOptions {
  readonly relay?: Relays.Options
}

/** A started recording session "s" whose one channel loses nothing. */
const recording = Effect.fnUntraced(function* (options: SetUp = {}) {
  const relay = yield* Relays.start(Relays.underTest, { isInMemory: true, ...options.relay })
  const tracing = yield* Lttng.start
  yield* Lttng.record(tracing, relay, "s", options)
  return { relay, ...tracing }
})

const sessionEntries = (relay: Relays.Relay) => readdirSync(Babeltrace.sessionDirectory(relay.output, "s")).sort()
const archives = (relay: Relays.Relay) =>
  readdirSync(join(Babeltrace.sessionDirectory(relay.output, "s"), "archives")).sort()

Peers.describeConcurrently(Peers.tracing, `trace chunks with ${Relays.underTest}`, () => {
  it.live("each rotation archives exactly what was emitted before it", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording()
      for (const source of [0, 1, 2]) {
        yield* emit({ count: 5000, source })
        yield* lttng("rotate", "s")
        const names = archives(relay)
        assert.strictEqual(names.length, source + 1)
        const newest = names.find((name) => name.endsWith(`-${source}`)) ?? ""
        assert.match(newest, archiveName)
        const archive = join(Babeltrace.sessionDirectory(relay.output, "s"), "archives", newest)
        Babeltrace.assertExactly(yield* Babeltrace.read(archive), [{ source, count: 5000 }])
      }
      assert.strictEqual(sessionEntries(relay).filter((name) => openName.test(name)).length, 1)
      yield* emit({ count: 100, source: 3 })
      yield* lttng("destroy", "s")
      assert.deepStrictEqual(sessionEntries(relay), ["archives"])
      const readout = yield* Babeltrace.read(relay.output)
      Babeltrace.assertExactly(readout, [
        ...[0, 1, 2].map((source) => ({ source, count: 5000 })),
        { source: 3, count: 100 }
      ])
      Babeltrace.assertIndexed(relay.output)
    })
  )

  it.live("rotations under load lose nothing and store nothing twice", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording({ channel: ["--subbuf-size=16k"] })
      const rotations = Effect.gen(function* () {
        for (let round = 0; round < 5; round += 1) yield* lttng("rotate", "s")
      })
      const load = Effect.all(
        [0, 1].map((source) => emit({ count: 60_000, source, cpu: source, sleepMicros: 1 })),
        { concurrency: "unbounded" }
      )
      yield* Effect.all([load, rotations], { concurrency: "unbounded" })
      yield* lttng("destroy", "s")
      assert.strictEqual(archives(relay).length, 6)
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [
        { source: 0, count: 60_000 },
        { source: 1, count: 60_000 }
      ])
      Babeltrace.assertIndexed(relay.output)
    })
  )

  it.live("per-process buffers: applications that end between rotations", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording({ channel: ["--buffers-pid"] })
      for (const source of [1, 2, 3]) {
        yield* emit({ count: 2000, source })
        yield* lttng("rotate", "s")
      }
      yield* lttng("destroy", "s")
      const readout = yield* Babeltrace.read(relay.output)
      Babeltrace.assertExactly(
        readout,
        [1, 2, 3].map((source) => ({ source, count: 2000 }))
      )
    })
  )

  it.live("rotation of a stopped session, and one that is started again", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording()
      yield* emit({ count: 1000, source: 1 })
      yield* lttng("stop", "s")
      yield* lttng("rotate", "s")
      assert.deepStrictEqual(sessionEntries(relay), ["archives"])
      yield* lttng("start", "s")
      yield* emit({ count: 1000, source: 2 })
      yield* lttng("stop", "s")
      yield* lttng("destroy", "s")
      assert.strictEqual(archives(relay).length, 2)
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [
        { source: 1, count: 1000 },
        { source: 2, count: 1000 }
      ])
    })
  )

  it.live("rotation below a base path", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording({ path: "/some/base" })
      yield* emit({ count: 500 })
      yield* lttng("rotate", "s")
      yield* lttng("destroy", "s")
      const [host = ""] = readdirSync(relay.output)
      const base = join(relay.output, host, "some/base")
      assert.deepStrictEqual(readdirSync(base), ["archives"])
      Babeltrace.assertExactly(yield* Babeltrace.read(base), [{ count: 500 }])
    })
  )

  for (const [schedule, argument] of [
    ["time", "--timer=150000"],
    ["size", "--size=128k"]
  ] as const) {
    it.live(`automatic rotation by ${schedule}`, () =>
      Effect.gen(function* () {
        const { emit, lttng, relay } = yield* recording({ channel: ["--subbuf-size=16k", "--monitor-timer=50000"] })
        yield* lttng("enable-rotation", "-s", "s", argument)
        let emitted = 0
        const directory = Babeltrace.sessionDirectory(relay.output, "s")
        yield* Process.until(
          "three archives",
          Effect.gen(function* () {
            yield* emit({ count: 5000, from: emitted })
            emitted += 5000
            return existsSync(join(directory, "archives")) && archives(relay).length >= 3
          }),
          { seconds: 60 }
        )
        yield* lttng("destroy", "s")
        for (const name of archives(relay)) assert.match(name, archiveName)
        Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: emitted }])
        Babeltrace.assertIndexed(relay.output)
      })
    )
  }

  it.live("clear removes what was recorded and nothing after it, running and stopped", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording()
      yield* emit({ count: 3000, source: 1 })
      yield* lttng("clear", "s")
      yield* emit({ count: 2000, source: 2 })
      yield* lttng("stop", "s")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ source: 2, count: 2000 }])
      yield* lttng("clear", "s")
      assert.deepStrictEqual(sessionEntries(relay), [])
      yield* lttng("start", "s")
      yield* emit({ count: 1000, source: 3 })
      yield* lttng("destroy", "s")
      assert.deepStrictEqual(sessionEntries(relay), ["ust"])
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ source: 3, count: 1000 }])
    })
  )

  it.live("clear leaves archived chunks alone", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording()
      yield* emit({ count: 1000, source: 1 })
      yield* lttng("rotate", "s")
      yield* emit({ count: 1000, source: 2 })
      yield* lttng("clear", "s")
      yield* emit({ count: 1000, source: 3 })
      yield* lttng("destroy", "s")
      const readout = yield* Babeltrace.read(relay.output)
      // The reader sees by the packets' numbers that some are missing: those that were cleared.
      assert.isTrue(readout.discarded.every((line) => line.includes("discarded 2 packets")))
      Babeltrace.assertExactly({ ...readout, discarded: [] }, [
        { source: 1, count: 1000 },
        { source: 3, count: 1000 }
      ])
    })
  )

  it.live("--disallow-clear makes `lttng clear` fail and keeps everything", () =>
    Effect.gen(function* () {
      const { attempt, emit, lttng, relay } = yield* recording({ relay: { args: ["--disallow-clear"] } })
      yield* emit({ count: 1000 })
      const cleared = yield* attempt("clear", "s")
      assert.notStrictEqual(cleared.code, 0)
      yield* lttng("destroy", "s")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: 1000 }])
    })
  )

  it.live("snapshots: one directory each, named, without indexes, with what the buffers held", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(Relays.underTest)
      const { emit, lttng } = yield* Lttng.start
      yield* lttng("create", "s", "--snapshot", ...Lttng.toRelay(relay))
      yield* lttng("enable-channel", "-u", "--subbuf-size=1M", "--num-subbuf=2", "ch")
      yield* lttng("enable-event", "-u", "-c", "ch", "demo:*")
      yield* lttng("start")
      yield* emit({ count: 1000, source: 1, cpu: 0 })
      yield* lttng("snapshot", "record")
      yield* emit({ count: 500, source: 2, cpu: 0 })
      yield* lttng("snapshot", "record", "--name=hello")
      yield* lttng("destroy", "s")
      const [first = "", second = "", ...more] = sessionEntries(relay)
      assert.deepStrictEqual(more, [])
      assert.match(first, /^hello-\d{8}-\d{6}-1$/)
      assert.match(second, /^snapshot-1-\d{8}-\d{6}-0$/)
      const directory = Babeltrace.sessionDirectory(relay.output, "s")
      Babeltrace.assertExactly(yield* Babeltrace.read(join(directory, second)), [{ source: 1, count: 1000 }])
      Babeltrace.assertExactly(yield* Babeltrace.read(join(directory, first)), [
        { source: 1, count: 1000 },
        { source: 2, count: 500 }
      ])
      assert.deepStrictEqual(
        Tree.files(directory).filter((path) => path.endsWith(".idx")),
        []
      )
    })
  )

  it.live("regenerated metadata replaces the old text", () =>
    Effect.gen(function* () {
      const { emit, lttng, relay } = yield* recording()
      yield* emit({ count: 1000, source: 1 })
      yield* lttng("regenerate", "metadata", "-s", "s")
      yield* emit({ count: 1000, source: 2, tockEvery: 2 })
      yield* lttng("destroy", "s")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [
        { source: 1, count: 1000 },
        { source: 2, count: 1000 }
      ])
    })
  )

  it.live("a tracefile ring keeps the newest packets, complete and in order", () =>
    Effect.gen(function* () {
      const ring = ["--subbuf-size=4k", "--tracefile-size=16384", "--tracefile-count=3"]
      const { emit, lttng, relay } = yield* recording({ channel: ring })
      const count = 8000
      yield* emit({ count, cpu: 0 })
      yield* lttng("destroy", "s")
      const readout = yield* Babeltrace.read(relay.output)
      const source = readout.bySource.get(0)
      assert.deepStrictEqual([source?.last, source?.breaks, readout.discarded], [count - 1, [], []])
      assert.isAbove(source?.first ?? 0, 0)
      const names = Tree.files(relay.output).filter((path) => /\/ch_0_\d+$/.test(path))
      assert.deepStrictEqual(
        names.map((path) => path.slice(-6)),
        ["ch_0_0", "ch_0_1", "ch_0_2"]
      )
      Babeltrace.assertIndexed(relay.output)
    })
  )

  it.live("a tracefile size that never wraps keeps everything", () =>
    Effect.gen(function* () {
      const ring = ["--subbuf-size=4k", "--tracefile-size=16384", "--tracefile-count=50"]
      const { emit, lttng, relay } = yield* recording({ channel: ring })
      yield* emit({ count: 4000 })
      yield* lttng("rotate", "s")
      yield* emit({ count: 4000, from: 4000 })
      yield* lttng("destroy", "s")
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ count: 8000 }])
      assert.isAbove(Babeltrace.assertIndexed(relay.output), 30)
    })
  )
})
