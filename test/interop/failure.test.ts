/**
 * Real peers that go away: killed tracers, a stopped relay, many short-lived applications.
 * Goal: what was recorded before stays readable, nothing is left behind, and the next session records as if
 * nothing had happened.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

Peers.describeConcurrently(Peers.tracing, `peers that go away, with ${Relays.underTest}`, () => {
  it.live("a killed tracer leaves a readable trace and the next one records", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(Relays.underTest)
      const first = yield* Lttng.start
      yield* Lttng.record(first, relay, "killed")
      yield* first.emit({ count: 5000, source: 1 })
      // What `stop` flushed is what the relay has when the daemons die.
      yield* first.lttng("stop")
      yield* first.lttng("start")
      yield* first.emit({ count: 10, source: 2 })
      yield* first.crash
      const readout = yield* Babeltrace.read(Babeltrace.sessionDirectory(relay.output, "killed"))
      assert.deepStrictEqual(readout.bySource.get(1), { count: 5000, first: 0, last: 4999, breaks: [] })
      const second = yield* Lttng.start
      yield* Lttng.record(second, relay, "next")
      yield* second.emit({ count: 5000, source: 3 })
      yield* second.lttng("destroy")
      const next = Babeltrace.sessionDirectory(relay.output, "next")
      Babeltrace.assertExactly(yield* Babeltrace.read(next), [{ source: 3, count: 5000 }])
    })
  )

  for (const [how, signal, end] of [
    ["stopped", "SIGTERM", [0, null]],
    ["killed", "SIGKILL", [null, "SIGKILL"]]
  ] as ReadonlyArray<readonly [string, "SIGTERM" | "SIGKILL", ReadonlyArray<number | string | null>]>) {
    it.live(`a relay ${how} while recording leaves all that was recorded, readable and indexed`, () =>
      Effect.gen(function* () {
        const relay = yield* Relays.start(Relays.underTest)
        const tracing = yield* Lttng.start
        yield* Lttng.record(tracing, relay, "cut")
        yield* tracing.emit({ count: 20_000, source: 1 })
        yield* tracing.lttng("stop")
        relay.process.signal(signal)
        const ended = yield* relay.process.ended
        assert.deepStrictEqual<ReadonlyArray<number | string | null>>([ended.code, ended.signal], end)
        Babeltrace.assertExactly(yield* Babeltrace.read(relay.output), [{ source: 1, count: 20_000 }])
        Babeltrace.assertIndexed(relay.output)
      })
    )
  }

  it.live("thirty short-lived applications, each with buffers of its own", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(Relays.underTest)
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, relay, "many", { channel: ["--buffers-pid", "--subbuf-size=4k"] })
      const sources = Array.from({ length: 30 }, (_, source) => source)
      yield* Effect.all(
        sources.map((source) => tracing.emit({ count: 50, source })),
        { concurrency: 6 }
      )
      yield* tracing.lttng("destroy")
      Babeltrace.assertExactly(
        yield* Babeltrace.read(relay.output),
        sources.map((source) => ({ source, count: 50 }))
      )
      assert.strictEqual(Babeltrace.traces(relay.output).length, 30)
    })
  )

  it.live("after every session has ended the relay holds no file of theirs open", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start(Relays.underTest)
      const tracing = yield* Lttng.start
      const opened = () => Lttng.openFiles(relay.process.pid).filter((path) => path.startsWith(relay.output))
      for (const session of ["one", "two"]) {
        yield* Lttng.record(tracing, relay, session)
        yield* tracing.emit({ count: 1000 })
        assert.isAbove(opened().length, 0)
        yield* tracing.lttng("rotate", session)
        yield* tracing.lttng("destroy", session)
      }
      yield* Process.until("the last file to be closed", () => opened().every((path) => path === relay.output))
    })
  )
})
