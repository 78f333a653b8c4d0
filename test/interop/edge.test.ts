/**
 * Real tracers to an edge, and from there to a relay, while links, relays and edges go.
 * Goal: every event that the tracer emitted is read back from the relay's directory, once, in order.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { Link } from "../edge/Link.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

const count = 100_000

for (const kind of ["reference", "ours"] as const) {
  Peers.describeWithPeers([...Peers.tracing, ...Peers.reference], `an edge before ${kind}`, () => {
    it.live("brings every event, in order: a plain session, rotations, one trace a process", () =>
      Effect.gen(function* () {
        const relay = yield* Relays.start(kind)
        const edge = yield* Edges.start(relay)
        const tracing = yield* Lttng.start
        yield* Lttng.record(tracing, edge, "one")
        yield* tracing.emit({ count, tockEvery: 1000 })
        yield* tracing.lttng("rotate", "one")
        yield* tracing.emit({ count, from: count })
        yield* tracing.lttng("stop")
        yield* tracing.lttng("destroy")
        yield* Lttng.record(tracing, edge, "pids", { channel: ["--buffers-pid"] })
        yield* tracing.emit({ count: 5000, source: 1 })
        yield* tracing.emit({ count: 5000, source: 2 })
        yield* tracing.lttng("destroy")
        yield* Edges.forwarded(edge)
        const directory = Babeltrace.sessionDirectory(relay.output, "one")
        Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 2 * count }])
        assert.isAbove(Babeltrace.assertIndexed(directory), 10)
        const pids = yield* Babeltrace.read(Babeltrace.sessionDirectory(relay.output, "pids"))
        Babeltrace.assertExactly(pids, [
          { source: 1, count: 5000 },
          { source: 2, count: 5000 }
        ])
      })
    )
  })
}

/** What the relay has noted of names since its last mark. */
const notesIn = (output: string): string => {
  const directory = join(output, ".journals")
  if (!existsSync(directory)) return ""
  const names = readdirSync(directory).filter((name) => name.endsWith(".changes"))
  return names.map((name) => readFileSync(join(directory, name), "utf8")).join("")
}

const endless = () => Number.POSITIVE_INFINITY

Peers.describeWithPeers(Peers.tracing, "an edge before ours", () => {
  it.live("loses no event while its link is cut and the relay killed, again and again", () =>
    Effect.gen(function* () {
      const output = yield* Relays.temporaryDirectory("output")
      const begin = Effect.gen(function* () {
        const scope = yield* Scope.make()
        const relay = yield* Scope.provide(Relays.start("ours", { output }), scope)
        return { relay, scope }
      })
      let { relay, scope } = yield* begin
      const carried = yield* new Link(() => relay.controlPort, endless).open
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${carried.port}:${carried.port + 1}` })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, edge, "cut")
      const emitting = yield* Effect.forkScoped(tracing.emit({ count: 60_000, sleepMicros: 20 }))
      for (let fault = 0; fault < 16; fault++) {
        yield* Effect.sleep("150 millis")
        if (fault % 4 !== 3) carried.cut()
        else {
          relay.process.signal("SIGKILL")
          yield* relay.process.ended
          yield* Scope.close(scope, Exit.void)
          const next = yield* begin
          relay = next.relay
          scope = next.scope
        }
      }
      yield* Fiber.join(emitting)
      yield* tracing.lttng("stop")
      yield* tracing.lttng("destroy")
      yield* Edges.forwarded(edge)
      yield* Scope.close(scope, Exit.void)
      const directory = Babeltrace.sessionDirectory(output, "cut")
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 60_000 }])
      Babeltrace.assertIndexed(directory)
    })
  )

  it.live("loses no event while the relay is killed as it rotates, and its output directory moved each time", () =>
    Effect.gen(function* () {
      const above = yield* Relays.temporaryDirectory("output")
      const begin = (output: string) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          return { scope, relay: yield* Scope.provide(Relays.start("ours", { output }), scope) }
        })
      let output = join(above, "0")
      let { relay, scope } = yield* begin(output)
      const carried = yield* new Link(() => relay.controlPort, endless).open
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${carried.port}:${carried.port + 1}` })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, edge, "moved")
      const emitting = yield* Effect.forkScoped(tracing.emit({ count: 60_000, sleepMicros: 20 }))
      let noteCount = 0
      for (let fault = 1; fault <= 5; fault++) {
        const rotation = yield* Effect.forkScoped(tracing.lttng("rotate", "moved"))
        yield* Process.until(
          "a rotation to begin at the relay, or to end",
          () => notesIn(output) !== "" || rotation.pollUnsafe() !== undefined
        )
        relay.process.signal("SIGKILL")
        yield* relay.process.ended
        yield* Scope.close(scope, Exit.void)
        if (notesIn(output) !== "") noteCount++
        const next = join(above, `${fault}`)
        renameSync(output, next)
        output = next
        const begun = yield* begin(output)
        relay = begun.relay
        scope = begun.scope
        yield* Fiber.join(rotation)
      }
      assert.isAbove(noteCount, 0)
      yield* Fiber.join(emitting)
      yield* tracing.lttng("stop")
      yield* tracing.lttng("destroy")
      yield* Edges.forwarded(edge)
      yield* Scope.close(scope, Exit.void)
      const directory = Babeltrace.sessionDirectory(output, "moved")
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 60_000 }])
      Babeltrace.assertIndexed(directory)
    })
  )

  for (const policy of ["drop", "stop"] as const) {
    it.live(`that is full, with --overflow=${policy}, holds back no application, and counts what it loses`, () =>
      Effect.gen(function* () {
        const relay = yield* Relays.start("ours")
        let port = 1
        const carried = yield* new Link(() => port, endless).open
        const edge = yield* Edges.start(relay, {
          to: `net://127.0.0.1:${carried.port}:${carried.port + 1}`,
          args: ["--spool-limit=1M", `--overflow=${policy}`]
        })
        const tracing = yield* Lttng.start
        const options = { create: ["--live=100000"], channel: ["--subbuf-size=16k"] }
        yield* Lttng.record(tracing, edge, "full", options)
        // Its buffers are there before the other emits.
        yield* tracing.emit({ count: 0, source: 1 })
        yield* tracing.emit({ count })
        yield* tracing.lttng("stop")
        const stoppedAt = Date.now()
        yield* Process.until("its status since then", Edges.status(edge), ({ atMillis }) => atMillis > stoppedAt)
        const { losses } = yield* Edges.status(edge)
        yield* tracing.lttng("destroy")
        port = relay.controlPort
        yield* Edges.forwarded(edge)
        const lostCount = losses.reduce((sum, { packetCount }) => sum + packetCount, 0)
        assert.isAbove(lostCount, 20)
        assert.deepStrictEqual([...new Set(losses.map((loss) => loss.policy))], [policy])
        const directory = Babeltrace.sessionDirectory(relay.output, "full")
        const { bySource, discarded } = yield* Babeltrace.read(directory)
        const told = discarded.reduce((sum, line) => sum + Number(/discarded (\d+) packet/.exec(line)?.[1] ?? 1), 0)
        const last = bySource.get(0)?.last
        const isDrop = policy === "drop"
        // A session that is stopped may end between a packet and its index.
        if (isDrop) Babeltrace.assertIndexed(directory)
        // Of each stream the first packet stays, which has nothing in it if the live timer was before the application.
        const firsts = new Set(Babeltrace.firstPackets(directory))
        // Readers miss what lies between two packets, and know nothing of what would have come behind the last one.
        const expected = [new Set([0]), isDrop, isDrop ? lostCount : 0]
        assert.deepStrictEqual([firsts, last === count - 1, told], expected, discarded.join("\n"))
      })
    )
  }

  it.live("goes on where a file says that the relay is now, and tracers notice nothing", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const [old, other] = [new Link(() => relay.controlPort), new Link(() => relay.controlPort)]
      for (const { open } of [old, other]) yield* open
      const file = join(yield* Relays.temporaryDirectory("to"), "to")
      const say = (text: string) => writeFileSync(file, `${text}\n`)
      say(`net://127.0.0.1:${old.port}:${old.port + 1}`)
      const edge = yield* Edges.start(relay, { args: [`--to-file=${file}`] })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, edge, "redirected", { create: ["--live=100000"] })
      const emitting = yield* Effect.forkScoped(tracing.emit({ count: 20_000, sleepMicros: 20 }))
      yield* Process.until(
        "the session at the relay",
        () => existsSync(relay.output) && readdirSync(relay.output).length > 0
      )
      old.isDown = true
      old.cut()
      say("nowhere")
      edge.process.signal("SIGHUP")
      yield* Process.said(edge.process, "REDIRECT_REFUSED")
      say(`net://127.0.0.1:${other.port}:${other.port + 1}`)
      edge.process.signal("SIGHUP")
      yield* Fiber.join(emitting)
      yield* tracing.lttng("stop")
      yield* tracing.lttng("destroy")
      yield* Edges.forwarded(edge)
      const directory = Babeltrace.sessionDirectory(relay.output, "redirected")
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 20_000 }])
      Babeltrace.assertIndexed(directory)
    })
  )

  it.live("stopped in the midst of a session, and begun again with another address of the same relay", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const addresses = [new Link(() => relay.controlPort), new Link(() => relay.controlPort)]
      const [old, other] = yield* Effect.forEach(addresses, ({ open }) => open)
      const to = (link = other) => ({ to: `net://127.0.0.1:${link?.port}:${(link?.port ?? 0) + 1}` })
      const edge = yield* Edges.start(relay, to(old))
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, edge, "moved")
      // It has no file to read again.
      edge.process.signal("SIGHUP")
      yield* tracing.emit({ count })
      yield* Process.said(edge.process, "goes on leading to net://")
      yield* Process.until(
        "the session at the relay",
        () => existsSync(relay.output) && readdirSync(relay.output).length > 0
      )
      if (old !== undefined) old.isDown = true
      old?.cut()
      yield* tracing.emit({ count, from: count })
      yield* tracing.lttng("stop")
      // Somebody else has the spool.
      const refused = yield* Effect.exit(Edges.start(relay, { ...to(), spool: edge.spool }))
      assert.include(String(refused), `--spool=${edge.spool}: another edge is running there`)
      edge.process.signal("SIGTERM")
      yield* edge.process.ended
      const next = yield* Edges.start(relay, { ...to(), spool: edge.spool })
      yield* Edges.forwarded(next)
      const directory = Babeltrace.sessionDirectory(relay.output, "moved")
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count: 2 * count }])
      Babeltrace.assertIndexed(directory)
    })
  )

  it.live("that is killed has what it answered for: the next one brings it to the relay", () =>
    Effect.gen(function* () {
      const relay = yield* Relays.start("ours")
      const carried = yield* new Link(() => 1, endless).open
      const edge = yield* Edges.start(relay, { to: `net://127.0.0.1:${carried.port}:${carried.port + 1}` })
      const tracing = yield* Lttng.start
      yield* Lttng.record(tracing, edge, "killed")
      yield* tracing.emit({ count })
      // The relay cannot be reached; all is in the spool.
      yield* tracing.lttng("stop")
      edge.process.signal("SIGKILL")
      yield* edge.process.ended
      const next = yield* Edges.start(relay, { spool: edge.spool })
      yield* Edges.forwarded(next)
      const directory = Babeltrace.sessionDirectory(relay.output, "killed")
      Babeltrace.assertExactly(yield* Babeltrace.read(directory), [{ count }])
    })
  )
})
