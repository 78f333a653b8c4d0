/**
 * Real tracers to an edge before LTTng's relay, which forgets a session with its connections, while it has rotated.
 * Goal: what is in the spool from its beginning is recorded whole, beside what the relay has, and that is not touched.
 */
import { readdirSync, renameSync } from "node:fs"
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
import * as Tree from "../support/tree.ts"

const count = 5000

/** A session that has rotated, and what the relay has of it. */
const rotated = (relay: Relays.Relay, edge: Edges.Edge) =>
  Effect.gen(function* () {
    const tracing = yield* Lttng.start
    yield* Lttng.record(tracing, edge, "s")
    yield* tracing.emit({ count })
    yield* tracing.lttng("rotate")
    yield* tracing.emit({ count, from: count })
    yield* tracing.lttng("stop")
    const isAtRelay = ({
      journals
    }: {
      readonly journals: ReadonlyArray<{ heardCount: number; receivedCount: number }>
    }) => journals.length > 0 && journals.every(({ heardCount, receivedCount }) => heardCount === receivedCount)
    yield* Process.until("the relay to have it", Edges.status(edge), isAtRelay)
    const host = join(relay.output, readdirSync(relay.output)[0] ?? "")
    const [name = ""] = readdirSync(host)
    return { tracing, host, name, first: yield* settled(join(host, name)) }
  })

/** Its connections may have ended a moment ago. */
const settled = (directory: string) =>
  Effect.gen(function* () {
    yield* Process.until("its rotation to be over", () => readdirSync(join(directory, "archives")).length === 1)
    return Tree.read(directory)
  })

const killed = (edge: Edges.Edge) => {
  edge.process.signal("SIGKILL")
  return edge.process.ended
}

Peers.describeConcurrently([...Peers.tracing, ...Peers.reference], "an edge before the reference", () => {
  it.live("that is killed in the midst of a session: the next one records all of it beside", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("reference")
      const edge = yield* Edges.start(relay)
      const { first, host, name } = yield* rotated(relay, edge)
      yield* killed(edge)
      const next = yield* Edges.start(relay, { spool: edge.spool })
      yield* Edges.forwarded(next)
      yield* Process.said(next.process, "SESSION_AGAIN")
      assert.deepStrictEqual(Tree.read(join(host, name)), first)
      const [again = ""] = readdirSync(host).filter((other) => other !== name)
      assert.match(again, /^s-1-/)
      Babeltrace.assertExactly({ ...(yield* Babeltrace.read(join(host, again))), discarded: [] }, [
        { count: 2 * count }
      ])
      assert.notInclude(yield* Process.lastSaid(next.process), "JOURNAL_LOST")
    })
  )

  it.live("whose link is lost puts it aside; renamed it is recorded by the next edge", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("reference")
      const [control, data] = [new Link(() => relay.controlPort), new Link(() => relay.dataPort)]
      for (const { open } of [control, data]) yield* open
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${control.port}:${data.port}` })
      const { first, host, name, tracing } = yield* rotated(relay, edge)
      for (const link of [control, data]) link.cut()
      yield* tracing.lttng("destroy")
      yield* Process.said(edge.process, "JOURNAL_LOST")
      yield* killed(edge)
      for (const aside of readdirSync(edge.spool)) {
        if (aside.endsWith(".lost")) renameSync(join(edge.spool, aside), join(edge.spool, aside.replace(".lost", "")))
      }
      const next = yield* Edges.start(relay, { spool: edge.spool })
      yield* Edges.forwarded(next)
      assert.deepStrictEqual(Tree.read(join(host, name)), first)
      const [again = ""] = readdirSync(host).filter((other) => other !== name)
      Babeltrace.assertExactly({ ...(yield* Babeltrace.read(join(host, again))), discarded: [] }, [
        { count: 2 * count }
      ])
    })
  )
})
