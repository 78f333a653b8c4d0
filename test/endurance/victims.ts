/**
 * Relay, consumer daemon or viewer, one of them killed without notice under a real load, at a random moment; and what
 * must be true afterwards. One session daemon serves many rounds: only a killed consumer takes it along.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Check from "../../src/recovery/Check.ts"
import * as DiskTree from "../../src/recovery/DiskTree.ts"
import * as Repair from "../../src/recovery/Repair.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

export const victims = ["relay", "consumer", "viewer"] as const
export type Victim = (typeof victims)[number]

/** Events that `lttng stop` has waited for before the load begins. */
const settledCount = 200
const settledSource = 2
const loadSource = 1

/** The tracing side, until it is lost with its consumer. */
export class Tracing {
  #current: { readonly tracing: Lttng.Tracing; readonly scope: Scope.Closeable } | undefined

  get open(): Effect.Effect<Lttng.Tracing, unknown> {
    return Effect.gen({ self: this }, function* () {
      if (this.#current !== undefined) return this.#current.tracing
      const scope = yield* Scope.make()
      const tracing = yield* Scope.provide(Lttng.start, scope)
      this.#current = { tracing, scope }
      return tracing
    })
  }

  get lose(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const current = this.#current
      this.#current = undefined
      if (current === undefined) return
      yield* Effect.ignore(current.tracing.crash)
      yield* Scope.close(current.scope, Exit.void)
    })
  }
}

const assertReadable = (directory: string) =>
  Effect.gen(function* () {
    const { failures, report } = Repair.repair(DiskTree.make(directory), (change) => DiskTree.apply(directory, change))
    assert.deepStrictEqual(failures, [])
    assert.deepStrictEqual(
      report.findings.filter(({ severity }) => severity === "damage"),
      []
    )
    const { bySource } = yield* Babeltrace.read(directory)
    const settled = { count: settledCount, first: 0, last: settledCount - 1, breaks: [] }
    assert.deepStrictEqual(bySource.get(settledSource), settled, "what a stop has waited for")
    assert.deepStrictEqual(bySource.get(loadSource)?.breaks ?? [], [], "none left out before the last, none twice")
    return bySource.get(loadSource)?.count ?? 0
  })

/** How many events of the load were read afterwards. */
export const round = (held: Tracing, victim: Victim, name: string, millis: number, isInMemory: boolean) =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours", { isInMemory })
    const tracing = yield* held.open
    yield* Lttng.record(tracing, relay, name, { channel: ["--subbuf-size=4k"], create: ["--live=100000"] })
    yield* tracing.emit({ count: settledCount, source: settledSource, cpu: 0 })
    yield* tracing.lttng("stop", name)
    yield* tracing.lttng("start", name)
    const viewer = yield* Process.daemon("babeltrace2", [
      "--input-format=lttng-live",
      `net://127.0.0.1:${relay.livePort}/host/${yield* hostname}/${name}`
    ])
    const emitting = yield* Effect.forkScoped(
      Effect.ignore(tracing.emit({ count: 5_000_000, source: loadSource, cpu: 0 }))
    )
    yield* Process.said(viewer, `source = ${loadSource}`, { everyMillis: 5 })
    yield* Effect.sleep(millis)
    if (victim === "relay") relay.process.signal("SIGKILL")
    else if (victim === "viewer") viewer.signal("SIGKILL")
    else for (const pid of Lttng.consumersOf(tracing.pid)) process.kill(pid, "SIGKILL")
    if (victim === "relay") yield* relay.process.ended
    else yield* Effect.sleep(20)
    yield* Fiber.interrupt(emitting)
    if (victim === "viewer") {
      yield* tracing.lttng("stop", name)
      yield* tracing.lttng("destroy", name)
    } else yield* held.lose
    yield* Process.until(
      "the session's files to be let go",
      () =>
        relay.process.outcome() !== undefined ||
        Lttng.openFiles(relay.process.pid).every((path) => !path.includes(`/${name}-`))
    )
    if (victim !== "relay") assert.isUndefined(relay.process.outcome(), "the relay lives")
    const count = yield* keeping(relay.output, assertReadable(relay.output))
    if (victim === "viewer") {
      const { findings } = Check.check(DiskTree.make(relay.output))
      assert.deepStrictEqual(findings, [], "nothing to repair")
      assert.isAbove(count, 0)
    }
    rmSync(join(relay.output), { recursive: true, force: true })
    return count
  }).pipe(Effect.scoped)

/** Of a relay's directory, before it is repaired; kept for people if that, or what follows, goes wrong. */
const keeping = <A, E, R>(directory: string, use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const kept = mkdtempSync(join(tmpdir(), "lttng-relay-kill-"))
    cpSync(directory, kept, { recursive: true })
    const told = Effect.sync(() => void process.stdout.write(`the files as they were: ${kept}\n`))
    const forget = Effect.sync(() => rmSync(kept, { recursive: true, force: true }))
    return Effect.onExit(use, (exit) => (Exit.isFailure(exit) ? told : forget))
  })

const hostname = Effect.map(Process.run("hostname", []), ({ stdout }) => stdout.trim())
