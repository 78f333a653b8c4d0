/**
 * Everything a real tracer does, to an edge whose link is cut and whose relay is killed and stopped meanwhile, and to a
 * relay of its own.
 * Goal: the relay's directory is, byte for byte, that of the relay nothing happened to; and holds what was emitted.
 */
import { readdirSync, statSync, truncateSync } from "node:fs"
import { basename, join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Link } from "../edge/Link.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Ordeal from "../support/ordeal.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tee from "../support/tee.ts"
import * as Toolbox from "../support/toolbox.ts"
import * as Tree from "../support/tree.ts"
import * as Viewing from "../support/viewing.ts"

const sources = (...counts: ReadonlyArray<number>) => counts.map((count, at) => ({ source: at + 1, count }))

const dataFiles = (output: string) =>
  readdirSync(output, { recursive: true, encoding: "utf8" })
    .filter((path) => /\/ch_\d+$/.test(path))
    .map((path) => join(output, path))

/** When the relay wrote last what it had carried out. */
const markedAt = (output: string) => {
  const journals = join(output, ".journals")
  const name = readdirSync(journals).find((each) => each.endsWith(".history")) ?? ""
  return statSync(join(journals, name)).mtimeMs
}

/** Of a directory that is written meanwhile, which a reader may refuse. */
const holds = (directory: string, source: number, count: number) =>
  Effect.orElseSucceed(
    Effect.map(Babeltrace.read(directory), ({ bySource }) => bySource.get(source)?.count === count),
    () => false
  )

Peers.describeWithPeers(Peers.tracing, "an edge in adversity", () => {
  it.live("rotations, by hand and by schedule", () =>
    Effect.gen(function* () {
      const { faultCount, output } = yield* Ordeal.endure(({ near, tracing: { emit, lttng } }) =>
        Effect.gen(function* () {
          yield* Lttng.record({ lttng }, near, "s", { channel: ["--subbuf-size=16k", "--monitor-timer=50000"] })
          for (const source of [1, 2, 3]) {
            yield* emit({ count: 20_000, source, sleepMicros: 10 })
            yield* lttng("rotate", "s")
          }
          yield* lttng("enable-rotation", "-s", "s", "--timer=300000")
          yield* emit({ count: 20_000, source: 4, sleepMicros: 10 })
          yield* lttng("disable-rotation", "-s", "s", "--timer")
          yield* lttng("destroy", "s")
        })
      )
      assert.isAbove(faultCount, 5)
      Babeltrace.assertExactly(yield* Babeltrace.read(output), sources(20_000, 20_000, 20_000, 20_000))
    })
  )

  it.live("clears, rings, regenerated metadata, and processes that come and go", () =>
    Effect.gen(function* () {
      const { faultCount, output } = yield* Ordeal.endure(({ near, tracing: { emit, lttng } }) =>
        Effect.gen(function* () {
          const pids = ["--buffers-pid", "--subbuf-size=4k", "--tracefile-size=16384", "--tracefile-count=3"]
          yield* Lttng.record({ lttng }, near, "ring", { channel: pids })
          yield* Lttng.record({ lttng }, near, "s", { channel: ["--subbuf-size=16k"] })
          yield* emit({ count: 10_000, source: 1, sleepMicros: 10 })
          yield* lttng("clear", "s")
          yield* emit({ count: 10_000, source: 2, sleepMicros: 10 })
          yield* lttng("regenerate", "metadata", "-s", "s")
          yield* lttng("rotate", "s")
          yield* lttng("clear", "ring")
          yield* emit({ count: 10_000, source: 3, sleepMicros: 10 })
          yield* lttng("stop", "s")
          yield* lttng("clear", "s")
          yield* lttng("start", "s")
          yield* emit({ count: 10_000, source: 4, sleepMicros: 10 })
          yield* lttng("destroy", "s")
          yield* lttng("destroy", "ring")
        })
      )
      assert.isAbove(faultCount, 5)
      const readout = yield* Babeltrace.read(Babeltrace.sessionDirectory(output, "s"))
      assert.deepStrictEqual([...readout.bySource.keys()].sort(), [2, 4])
      for (const { breaks, count } of readout.bySource.values()) assert.deepStrictEqual([count, breaks], [10_000, []])
    })
  )

  it.live("snapshots, several sessions, two domains", () =>
    Effect.gen(function* () {
      const { output } = yield* Ordeal.endure(({ near, tracing: { crash, emit, lttng } }) =>
        Effect.gen(function* () {
          yield* lttng("create", "snap", "--snapshot", ...Lttng.toRelay(near))
          yield* lttng("enable-channel", "-u", "--subbuf-size=1M", "--num-subbuf=2", "ch")
          yield* lttng("enable-event", "-u", "-c", "ch", "demo:*")
          yield* lttng("start")
          yield* Lttng.record({ lttng }, near, "one", { domain: "--jul" })
          yield* Lttng.record({ lttng }, near, "two", { channel: ["--subbuf-size=4k"] })
          for (const source of [1, 2, 3]) {
            yield* emit({ count: 10_000, source, sleepMicros: 10 })
            yield* lttng("snapshot", "record", "-s", "snap")
            if (source === 2) yield* lttng("rotate", "two")
          }
          for (const session of ["two", "snap", "one"]) yield* lttng("destroy", session)
          // It keeps the connections of snapshots for as long as it lives.
          yield* crash
        })
      )
      for (const session of ["one", "two"]) {
        const directory = Babeltrace.sessionDirectory(output, session)
        Babeltrace.assertExactly(yield* Babeltrace.read(directory), sources(10_000, 10_000, 10_000))
      }
      const snapshots = Babeltrace.sessionDirectory(output, "snap")
      assert.isAtLeast((yield* Babeltrace.read(snapshots)).events, 10_000)
    })
  )

  it.live("on a disk that is full holds back the tracer, says so, and goes on once the relay is there", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const link = yield* new Link(() => relay.controlPort).open
      link.isDown = true
      const spool = join(yield* Relays.temporaryDirectory("small"), "spool")
      yield* Relays.volume(spool, 48 * 1024 * 1024, 0)
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${link.port}:${link.port + 1}`, spool })
      const tracing = yield* Lttng.start
      // Of two sessions each has a segment of its own.
      for (const session of ["one", "two"]) {
        yield* Lttng.record(tracing, edge, session, { create: ["--live=100000"], channel: ["--subbuf-size=128k"] })
      }
      const emitting = yield* Effect.forkScoped(tracing.emit({ count: 30_000, tockEvery: 1, textBytes: 1000 }))
      yield* Process.until("the spool to be full", Edges.status(edge), ({ isFull }) => isFull, { seconds: 60 })
      yield* Process.said(edge.process, "SPOOL_FULL")
      assert.isUndefined(emitting.pollUnsafe())
      link.isDown = false
      yield* Fiber.join(emitting)
      for (const session of ["one", "two"]) yield* tracing.lttng("destroy", session)
      yield* Edges.forwarded(edge)
      for (const session of ["one", "two"]) {
        const directory = Babeltrace.sessionDirectory(relay.output, session)
        Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 30_000 }])
      }
    })
  )

  it.live("away for longer than --suspend: the session goes on in its directory, which nobody could tell", () =>
    Effect.gen(function* () {
      const direct = yield* Relays.start("ours")
      const relay = yield* Relays.start("ours", { args: ["--suspend=1"] })
      const link = yield* new Link(() => relay.controlPort).open
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${link.port}:${link.port + 1}` })
      const tee = yield* Tee.open(edge, direct)
      const tracing = yield* Lttng.start
      const { emit, lttng } = tracing
      yield* Lttng.record(tracing, { ...direct, ...tee }, "s", { channel: ["--subbuf-size=16k"] })
      yield* emit({ count: 10_000, source: 1 })
      yield* lttng("rotate", "s")
      yield* emit({ count: 10_000, source: 2 })
      link.isDown = true
      link.cut()
      yield* Process.said(relay.process, "JOURNAL_EXPIRED")
      yield* emit({ count: 10_000, source: 3 })
      yield* lttng("rotate", "s")
      link.isDown = false
      yield* emit({ count: 10_000, source: 4 })
      yield* lttng("destroy", "s")
      yield* Edges.forwarded(edge)
      yield* Process.until("the same directories", () =>
        isDeepStrictEqual(Tree.read(relay.output), Tree.read(direct.output))
      )
      Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), sources(10_000, 10_000, 10_000, 10_000))
    })
  )

  it.live("a file that is cut while the relay is down: told, gone on with, and the zeros can be set aside", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      let { controlPort } = relay
      const link = yield* new Link(() => controlPort).open
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${link.port}:${link.port + 1}` })
      const { emit, lttng } = yield* Lttng.start
      yield* Lttng.record({ lttng }, edge, "s", { create: ["--live=100000"], channel: ["--subbuf-size=16k"] })
      yield* emit({ count: 20_000, source: 1 })
      yield* Process.until("all of it at the relay", holds(relay.output, 1, 20_000))
      const marked = markedAt(relay.output)
      yield* Process.until("the mark behind it", () => markedAt(relay.output) > marked)
      link.isDown = true
      link.cut()
      relay.process.signal("SIGKILL")
      yield* relay.process.ended
      const largest = dataFiles(relay.output).sort((a, b) => statSync(b).size - statSync(a).size)[0] ?? ""
      truncateSync(largest, statSync(largest).size - 40_000)
      const next = yield* Relays.start("ours", { output: relay.output })
      controlPort = next.controlPort
      link.isDown = false
      yield* emit({ count: 20_000, source: 2 })
      yield* lttng("destroy", "s")
      yield* Edges.forwarded(edge)
      const isTold = new RegExp(`${basename(largest)} had .*JOURNAL_CHANGED`)
      yield* Process.said(next.process, isTold)
      yield* Toolbox.run("repair", "--in-place", relay.output)
      const { bySource } = yield* Babeltrace.read(relay.output)
      assert.deepInclude(bySource.get(2), { count: 20_000, breaks: [] })
      assert.isBelow(bySource.get(1)?.count ?? 0, 20_000)
    })
  )

  it.live("viewers of its host see all while the relay cannot be reached, and the relay has it afterwards", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const link = yield* new Link(() => relay.controlPort).open
      link.isDown = true
      const copy = yield* Relays.temporaryDirectory("copy")
      const livePort = yield* Ports.free
      const edge = yield* Edges.start(relay, {
        to: `net://127.0.0.1:${link.port}:${link.port + 1}`,
        args: [`--copy=${copy}`, `--live=127.0.0.1:${livePort}`]
      })
      const { emit, lttng } = yield* Lttng.start
      yield* Lttng.record({ lttng }, edge, "s", { create: ["--live=100000"], channel: ["--subbuf-size=4k"] })
      yield* emit({ count: 100, source: 1 })
      const viewer = yield* Viewing.view({ ...edge, livePort }, "s")
      yield* emit({ count: 20_000, source: 2 })
      yield* Viewing.untilSource(viewer, 2, 20_000)
      yield* lttng("destroy", "s")
      const { bySource } = yield* viewer.ended
      assert.deepInclude(bySource.get(2), { count: 20_000, first: 0, breaks: [] })
      link.isDown = false
      yield* Edges.forwarded(edge)
      const all = [
        { source: 1, count: 100 },
        { source: 2, count: 20_000 }
      ]
      for (const output of [relay.output, copy]) Babeltrace.assertExactly(yield* Babeltrace.read(output), all)
    })
  )

  it.live("a live session that a viewer watches at the relay: every event, once, and again after each restart", () =>
    Effect.gen(function* () {
      const { output } = yield* Ordeal.endure(
        ({ near, output, relay, strike, tracing: { emit, lttng } }) =>
          Effect.gen(function* () {
            yield* Lttng.record({ lttng }, near, "s", { create: ["--live=100000"], channel: ["--subbuf-size=4k"] })
            // The real viewer shows what comes after it has attached.
            yield* emit({ count: 100, source: 3 })
            const first = yield* Viewing.view(relay(), "s")
            for (let fault = 0, from = 0; fault < 5; fault++, from += 4000) {
              yield* Effect.all([emit({ count: 4000, source: 1, from, sleepMicros: 20 }), strike("cut")], {
                concurrency: 2
              })
            }
            yield* Viewing.untilSource(first, 1, 20_000)
            assert.deepInclude(first.readout().bySource.get(1), { count: 20_000, first: 0, breaks: [] })
            for (const [at, fault] of (["kill", "stop"] as const).entries()) {
              const from = 20_000 + at * 4000
              yield* Effect.all([emit({ count: 4000, source: 1, from, sleepMicros: 20 }), strike(fault)], {
                concurrency: 2
              })
            }
            // Ours begins with what came first, and attaches while the edge brings the rest.
            const url = Viewing.sessionUrl(relay(), "s")
            const trace = join(yield* Relays.temporaryDirectory("viewed"), "trace")
            const recording = yield* Toolbox.start("record", url, trace)
            yield* Process.until("all of source 1 at the relay", holds(output, 1, 28_000))
            const second = yield* Viewing.view(relay(), "s")
            yield* emit({ count: 1000, source: 2 })
            yield* strike("cut")
            yield* Viewing.untilSource(second, 2, 1000)
            yield* lttng("destroy", "s")
            const { bySource } = yield* second.ended
            assert.deepStrictEqual([...bySource.keys()], [2])
            assert.deepInclude(bySource.get(2), { count: 1000, first: 0, breaks: [] })
            assert.strictEqual((yield* recording.ended).code, 0)
            Babeltrace.assertExactly(yield* Babeltrace.read(trace), sources(28_000, 1000, 100))
          }),
        { faults: [] }
      )
      Babeltrace.assertExactly(yield* Babeltrace.read(output), sources(28_000, 1000, 100))
    })
  )
})
