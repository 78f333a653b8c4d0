/**
 * Real tracers to an edge, and from there to relays of older protocols: the installed lttng-relayd, which does what a
 * peer of an older one asks for.
 * Goal: the directories are those that the session daemon makes on such a relay itself, and no event is lost.
 */
import { readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Link } from "../edge/Link.ts"
import * as Older from "../edge/Older.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"

const count = 20_000

/** The text of a metadata file without its packets; times and identities are of the session. */
const textOf = (bytes: Buffer): string => {
  const parts: Array<Buffer> = []
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 28) / 8) {
    parts.push(bytes.subarray(at + 37, at + bytes.readUInt32LE(at + 24) / 8))
  }
  return Buffer.concat(parts)
    .toString()
    .replaceAll(/"[^"\n]*"/g, '""')
    .replaceAll(/\d{4,}/g, "#")
    .replaceAll(/(vpid|buffering_id) = [\d#]+/g, "$1")
}

/** What is where below the session's directory, and by which protocol it was recorded. */
const shapeOf = (output: string, session: string) => {
  const directory = Babeltrace.sessionDirectory(output, session)
  const named = (path: string) => path.replaceAll(/-\d+-\d{8}-\d{6}/g, "-PID-TIME").replaceAll(/\d{8}-\d{6}/g, "TIME")
  return Tree.files(directory)
    .map((path) => {
      const bytes = readFileSync(join(directory, path))
      if (basename(path) === "metadata") return `${named(path)}: ${textOf(bytes)}`
      return path.endsWith(".idx") ? `${named(path)}: ${bytes.toString("hex", 0, 16)}` : named(path)
    })
    .sort()
}

/** Connections of snapshots stay, session or not: all that was heard is with the relay, or on its way. */
const forwarded = (edge: Edges.Edge) =>
  Process.until(
    "the edge to have forwarded everything",
    Effect.option(Edges.status(edge)),
    (now) => {
      if (now._tag === "None") return false
      return now.value.journals.every(
        ({ heardCount, name, receivedCount }) => name.endsWith("shots") && heardCount === receivedCount
      )
    },
    { seconds: 30, everyMillis: 200 }
  )

const eventsOf = (output: string, session: string) => Babeltrace.read(Babeltrace.sessionDirectory(output, session))

Peers.describeConcurrently([...Peers.tracing, ...Peers.reference], "an edge before a relay of", () => {
  for (const minor of [4, 10]) {
    it.live(
      `2.${minor}: promises what that can do; if it was away, leaves out what that cannot do, and nothing else`,
      () =>
        Effect.gen(function* () {
          const relay = yield* Relays.start("reference")
          const older = { ...relay, controlPort: yield* Older.open(minor, relay.controlPort) }
          const control = yield* new Link(() => older.controlPort).open
          const to = `net://127.0.0.1:${control.port}:${relay.dataPort}`
          const tracing = yield* Lttng.start
          const { emit, lttng } = tracing
          const pids = { channel: ["--buffers-pid"] }
          const snapshot = (name: string, to: Relays.Relay) =>
            Effect.gen(function* () {
              yield* lttng("create", name, "--snapshot", ...Lttng.toRelay(to))
              yield* lttng("enable-event", "-u", "demo:*")
              yield* lttng("start")
              yield* emit({ count: 100 })
              yield* lttng("snapshot", "record")
              yield* emit({ count: 100, from: 100 })
              yield* lttng("snapshot", "record")
              yield* lttng("destroy")
            })
          const played = (name: string, to: Relays.Relay, between: Effect.Effect<unknown, unknown>) =>
            Effect.gen(function* () {
              yield* Lttng.record(tracing, to, name)
              yield* emit({ count, tockEvery: 1000 })
              yield* between
              yield* emit({ count, from: count })
              yield* lttng("stop")
              yield* lttng("destroy")
              yield* Lttng.record(tracing, to, `${name}pids`, pids)
              yield* emit({ count: 1000 })
              yield* lttng("destroy")
              yield* snapshot(`${name}shots`, to)
            })
          yield* played("direct", older, Effect.void)

          const edge = yield* Edges.start(relay, { to })
          const refused = Effect.gen(function* () {
            for (const command of ["rotate", "clear"]) {
              const { code } = yield* tracing.attempt(command, "known")
              assert.notStrictEqual(code, 0, command)
            }
          })
          // Tracers that come before it has heard the relay are promised what any relay can do.
          yield* Process.until("the edge to have heard the relay", () => control.endedCount > 0)
          yield* played("known", edge, refused)
          yield* forwarded(edge)
          assert.notInclude(yield* Process.lastSaid(edge.process), "SESSION_FLATTENED")

          control.isDown = true
          control.cut()
          const late = yield* Edges.start(relay, { to })
          const chunks = Effect.gen(function* () {
            yield* lttng("rotate", "late")
            yield* lttng("clear", "late")
          })
          yield* played("late", late, chunks)
          control.isDown = false
          yield* forwarded(late)
          yield* Process.said(late.process, "SESSION_FLATTENED")

          for (const by of ["known", "late"]) {
            for (const kind of ["", "pids", "shots"]) {
              const expected = shapeOf(relay.output, `direct${kind}`)
              assert.deepStrictEqual(shapeOf(relay.output, `${by}${kind}`), expected, `${by}${kind}`)
            }
            const directory = Babeltrace.sessionDirectory(relay.output, by)
            const events = yield* eventsOf(relay.output, by)
            // The tracer clears its own buffers, an empty packet in them too.
            const discarded = by === "late" ? [] : events.discarded
            Babeltrace.assertExactly({ ...events, discarded }, [{ count: 2 * count }])
            assert.isAbove(Babeltrace.assertIndexed(directory), 10)
            Babeltrace.assertExactly(yield* eventsOf(relay.output, `${by}pids`), [{ count: 1000 }])
            const shots = Babeltrace.sessionDirectory(relay.output, `${by}shots`)
            const [first = "", second = "", ...more] = readdirSync(shots).sort()
            assert.deepStrictEqual(more, [])
            yield* Process.until(
              "both snapshots",
              Effect.gen(function* () {
                const readouts = [
                  yield* Babeltrace.read(join(shots, first)),
                  yield* Babeltrace.read(join(shots, second))
                ]
                return readouts[0]?.events === 100 && readouts[1]?.events === 200
              })
            )
          }
        })
    )
  }
})
