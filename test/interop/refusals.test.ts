/**
 * What a relay refuses, as the host that is refused meets it: its command fails at once, and the next session is
 * recorded. A session daemon that waits for a refusal's rest would freeze every command of its host.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

/** Beside the relay's part, `lttng` and its daemons take most of it; a frozen one takes for ever. */
const refusedWithinMillis = 2000
/** A machine that has too much to do is slower than that itself: then it is tried again. */
const tryCount = 5

interface Refusal {
  /** Arguments of `lttng create`, after the URL's ports. */
  readonly session: string
  readonly path?: string
  readonly more?: ReadonlyArray<string>
  /** Before the session is made. */
  readonly prepare?: (relay: Relays.Relay) => Effect.Effect<unknown, unknown>
  readonly code: string
}

const readOnly = (relay: Relays.Relay) => Process.run("mount", ["-o", "remount,ro", relay.output])

const refusals: Readonly<Record<string, Refusal>> = {
  "a name that is too long for a directory": { session: "c".repeat(254), code: "SESSION_DIRECTORY" },
  "the same, live": { session: "d".repeat(254), more: ["--live"], code: "SESSION_DIRECTORY" },
  "a hidden name": { session: ".hidden", code: "SESSION_NAME_UNSAFE" },
  "a path that climbs": { session: "climbing", path: "/up/..", code: "SESSION_PATH_UNSAFE" },
  "a file in the place of the directory": {
    session: "taken",
    path: "/taken",
    prepare: (relay) =>
      Effect.sync(() => {
        mkdirSync(join(relay.output, hostname()), { recursive: true })
        writeFileSync(join(relay.output, hostname(), "taken"), "in the way")
      }),
    code: "SESSION_DIRECTORY"
  },
  "a file system that is read-only": { session: "read-only", prepare: readOnly, code: "SESSION_DIRECTORY" }
}

const millisOf = <E, R>(effect: Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const from = performance.now()
    yield* effect
    return performance.now() - from
  })

/** `attempt` again, until what it has measured took no time. */
const atOnce = <E, R>(name: string, attempt: (turn: number) => Effect.Effect<number, E, R>) =>
  Effect.gen(function* () {
    let millis = Number.POSITIVE_INFINITY
    for (let turn = 0; turn < tryCount && millis >= refusedWithinMillis; turn++) millis = yield* attempt(turn)
    assert.isBelow(millis, refusedWithinMillis, name)
  })

const record = (tracing: Lttng.Tracing, relay: Relays.Relay, session: string) =>
  Effect.gen(function* () {
    yield* Lttng.record(tracing, relay, session, { path: `/${session}` })
    yield* tracing.emit({ count: 100 })
    yield* tracing.lttng("destroy", session)
    Babeltrace.assertExactly(yield* Babeltrace.read(join(relay.output, hostname(), session)), [{ count: 100 }])
  })

describe.skipIf(Relays.underTest === "reference")("a refused session fails at once and freezes nobody", () => {
  Peers.describeWithPeers(Peers.tracing, "with real peers", () => {
    it.live("every refusal, one after the other, on one host", () =>
      Effect.gen(function* () {
        const tracing = yield* Lttng.start
        for (const [name, { session, path = "", more = [], prepare, code }] of Object.entries(refusals)) {
          const relay = yield* Relays.start(Relays.underTest, { volumeBytes: 16 * 1024 * 1024 })
          if (prepare !== undefined) yield* prepare(relay)
          const create = ["create", session, ...more, ...Lttng.toRelay(relay, path)]
          const enable = ["enable-event", "-u", "demo:*", "-s", session]
          const refused = Effect.gen(function* () {
            // A live session is connected when it is made, any other with its first event.
            const made = yield* tracing.attempt(...create)
            const { code } = made.code === 0 ? yield* tracing.attempt(...enable) : made
            assert.notStrictEqual(code, 0, name)
          })
          yield* atOnce(name, () =>
            Effect.gen(function* () {
              const millis = yield* millisOf(refused)
              assert.strictEqual((yield* tracing.attempt("list")).code, 0, name)
              yield* tracing.attempt("destroy", session)
              return millis
            })
          )
          yield* Process.said(relay.process, `code=${code}`)
          if (prepare === readOnly) yield* Process.run("mount", ["-o", "remount,rw", relay.output])
          yield* record(tracing, relay, "next")
        }
      })
    )
  })
})

/** What is refused after the session was accepted: the consumer daemon meets it. */
describe.skipIf(Relays.underTest === "reference")("a refused command of a session that records", () => {
  Peers.describeWithPeers(Peers.tracing, "with real peers", () => {
    it.live("streams whose directory cannot be made", () =>
      Effect.gen(function* () {
        const tracing = yield* Lttng.start
        const relay = yield* Relays.start(Relays.underTest)
        yield* atOnce("streams", (turn) =>
          Effect.gen(function* () {
            const session = `no-streams-${turn}`
            yield* tracing.lttng("create", session, ...Lttng.toRelay(relay, `/${session}`))
            yield* tracing.lttng(...Lttng.losslessChannel("ch"))
            yield* tracing.lttng("enable-event", "-u", "-c", "ch", "demo:*")
            writeFileSync(join(relay.output, hostname(), session, "ust"), "in the way")
            const millis = [yield* millisOf(Effect.asVoid(tracing.attempt("start")))]
            yield* tracing.emit({ count: 10 })
            for (const command of ["list", "stop", "destroy"]) {
              millis.push(yield* millisOf(Effect.asVoid(tracing.attempt(command))))
            }
            return Math.max(...millis)
          })
        )
        yield* Process.said(relay.process, "code=STREAM_FILE")
        yield* record(tracing, relay, "next")
      })
    )
  })
})
