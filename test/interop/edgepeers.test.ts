/**
 * Real tracers to edges before peers that say no to something: a relay that lets nobody clear, one whose rules do not
 * let it record, and another edge, which takes no journals.
 * Goal: what the tracer was promised is what it gets, and no event is lost where it was promised more.
 */
import { globSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Link } from "../edge/Link.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Viewing from "../support/viewing.ts"

const count = 5000

for (const kind of ["reference", "ours"] as const) {
  Peers.describeConcurrently(
    [...Peers.tracing, ...Peers.reference],
    `an edge before ${kind}, with --disallow-clear`,
    () => {
      it.live("says so to tracers; what one clears that could not be told is kept", () =>
        Effect.gen(function* () {
          const relay = yield* Relays.start(kind, { args: ["--disallow-clear"] })
          const tracing = yield* Lttng.start
          const { attempt, emit, lttng } = tracing
          const played = (session: string, edge: Edges.Edge, expected: number) =>
            Effect.gen(function* () {
              yield* Lttng.record(tracing, edge, session)
              yield* emit({ count })
              yield* lttng("stop")
              assert.strictEqual((yield* attempt("clear", session)).code === 0, expected === 0, session)
              yield* lttng("start")
              yield* emit({ count, from: count })
              yield* lttng("destroy")
            })
          const read = (session: string) => Babeltrace.read(Babeltrace.sessionDirectory(relay.output, session))
          const known = yield* Edges.start(relay)
          yield* played("known", known, 1)
          yield* Edges.forwarded(known)
          const link = yield* new Link(() => relay.controlPort).open
          const data = yield* new Link(() => relay.dataPort).open
          link.isDown = true
          const late = yield* Edges.start(relay, { to: `net://127.0.0.1:${link.port}:${data.port}` })
          yield* played("late", late, 0)
          link.isDown = false
          yield* Edges.forwarded(late)
          for (const session of ["known", "late"]) {
            Babeltrace.assertExactly({ ...(yield* read(session)), discarded: [] }, [{ count: 2 * count }])
          }
          for (const edge of [known, late]) assert.notInclude(yield* Process.lastSaid(edge.process), "JOURNAL_LOST")
        })
      )
    }
  )
}

Peers.describeConcurrently(Peers.tracing, "an edge that may not record", () => {
  it.live("has its sessions wait, those that have begun too, and says for what, until the rules let it", () =>
    Effect.gen(function* () {
      const access = join(yield* Relays.temporaryDirectory("access"), "access.json")
      const principals = [{ name: "edge", addresses: ["127.0.0.0/8"] }]
      const rule = (more: object) =>
        writeFileSync(access, JSON.stringify({ principals, rules: [{ principals: ["edge"], view: [{}], ...more }] }))
      rule({})
      const relay = yield* Relays.start("ours", { args: [`--access=${access}`] })
      const edge = yield* Edges.start(relay)
      const tracing = yield* Lttng.start
      const waits = (session: string, what: string) =>
        Process.until(`${session} to wait ${what}`, Edges.status(edge), ({ journals }) =>
          journals.some(({ name, waitsFor }) => name.endsWith(session) && waitsFor?.includes(what) === true)
        )
      const has = (session: string) => globSync(`*/${session}*`, { cwd: relay.output }).length > 0
      const change = (more: object) => {
        rule(more)
        relay.process.signal("SIGHUP")
      }
      yield* Lttng.record(tracing, edge, "one", { create: ["--live=100000"] })
      yield* tracing.emit({ count })
      yield* waits("one", "until the relay permits it")
      assert.isFalse(has("one"))
      change({ record: [{}], quota: { sessions: 1 } })
      yield* Process.until("the first session at the relay", () => has("one"))
      const viewer = yield* Viewing.view(relay, "one")
      yield* Lttng.record(tracing, edge, "two")
      yield* waits("two", "for room in its quota")
      change({})
      yield* tracing.emit({ count, from: count })
      yield* waits("one", "until the relay permits it")
      assert.isFalse(has("two"))
      change({ record: [{}] })
      yield* viewer.until(1)
      yield* tracing.lttng("destroy", "--all")
      yield* viewer.ended
      yield* Edges.forwarded(edge)
      const read = (session: string) => Babeltrace.read(Babeltrace.sessionDirectory(relay.output, session))
      Babeltrace.assertExactly(yield* read("one"), [{ count: 2 * count }])
      Babeltrace.assertExactly({ ...(yield* read("two")), discarded: [] }, [{ count, from: count }])
    })
  )
})

/** The next edge has it; the session stays in the list until the relay has finished it. */
const handedOver = (edge: Edges.Edge) =>
  Process.until("the next edge to have everything", Effect.option(Edges.status(edge)), (now) => {
    const journals = now._tag === "Some" ? now.value.journals : []
    return journals.length > 0 && journals.every(({ heardCount, receivedCount }) => receivedCount === heardCount)
  })

Peers.describeConcurrently(Peers.tracing, "an edge behind an edge", () => {
  it.live("brings every event to the relay, also those that came while that was away", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const link = yield* new Link(() => relay.controlPort).open
      const far = yield* Edges.start(relay, { to: `net://127.0.0.1:${link.port}:${relay.dataPort}` })
      const near = yield* Edges.start(far)
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, near, "s", { create: ["--live=100000"] })
      yield* tracing.emit({ count })
      link.isDown = true
      link.cut()
      yield* tracing.emit({ count, from: count })
      yield* tracing.lttng("destroy")
      yield* handedOver(near)
      link.isDown = false
      yield* Edges.forwarded(near)
      yield* Edges.forwarded(far)
      const directory = Babeltrace.sessionDirectory(relay.output, "s")
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 2 * count }])
      Babeltrace.assertIndexed(directory)
    })
  )
})
