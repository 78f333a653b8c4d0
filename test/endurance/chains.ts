/**
 * A real tracer before an edge that stands before another: while a session records, either link is cut, the second edge
 * is killed, and the relay is stopped and killed. What the tracer was answered for is then there, and nothing was
 * discarded.
 */
import { join } from "node:path"
import { Effect, Exit, Fiber, Scope } from "effect"
import { Link } from "../edge/Link.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"

export interface Options {
  readonly events: number
  /** Of each link. */
  readonly cuts: number
  /** Of the edge between. */
  readonly kills: number
  /** The relay is stopped, and killed. */
  readonly restarts: number
}

export interface Outcome {
  readonly recorded: number
  readonly breaks: ReadonlyArray<string>
  readonly discarded: ReadonlyArray<string>
  /** In the spools, at the end. */
  readonly left: ReadonlyArray<string>
  readonly millis: number
}

/** Something that is started anew where the one before was. */
const renewed = <A, E>(start: Effect.Effect<A, E, Scope.Scope>, processOf: (one: A) => Process.Running) =>
  Effect.gen(function* () {
    const outer = yield* Effect.scope
    const begin = Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.addFinalizer(outer, Scope.close(scope, Exit.void))
      return { scope, one: yield* Scope.provide(start, scope) }
    })
    let now = yield* begin
    return {
      now: () => now.one,
      again: (signal: "SIGKILL" | "SIGTERM") =>
        Effect.gen(function* () {
          const running = processOf(now.one)
          running.signal(signal)
          yield* running.ended
          yield* Scope.close(now.scope, Exit.void)
          now = yield* begin
        })
    }
  })

const network = (link: Link) => `net://127.0.0.1:${link.port}:${link.port + 1}`

export const endure = ({ cuts, events, kills, restarts }: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const output = yield* Relays.temporaryDirectory("output")
      const spools = yield* Relays.temporaryDirectory("spools")
      const relay = yield* renewed(Relays.start("ours", { output }), (one) => one.process)
      const far = yield* new Link(() => relay.now().controlPort).open
      const between = yield* renewed(
        Edges.start(relay.now(), { spool: join(spools, "between"), to: network(far) }),
        (one) => one.process
      )
      const near = yield* new Link(() => between.now().controlPort).open
      const edge = yield* Edges.start(relay.now(), { spool: join(spools, "edge"), to: network(near) })
      const tracing = yield* Lttng.start
      const begun = performance.now()
      yield* Lttng.record(tracing, edge, "whole")
      const steps: Array<Effect.Effect<void, Process.ProcessFailed | Process.TimedOut, Scope.Scope>> = []
      const cut = (link: Link) => Effect.sync(() => link.cut())
      for (let at = 0; at < cuts; at++) steps.push(cut(near), cut(far))
      const spread = (count: number, step: (at: number) => (typeof steps)[number]) => {
        for (let at = 0; at < count; at++) steps.splice(Math.floor(((at + 0.5) * steps.length) / count), 0, step(at))
      }
      spread(kills, () => between.again("SIGKILL"))
      spread(restarts, (at) => relay.again(at % 2 === 0 ? "SIGTERM" : "SIGKILL"))
      const sleepMicros = Math.round((steps.length * 250_000) / events)
      const emitting = yield* Effect.forkScoped(tracing.emit({ count: events, sleepMicros }))
      for (const step of steps) yield* Effect.andThen(Effect.sleep(50 + Math.random() * 250), step)
      yield* Fiber.join(emitting)
      yield* tracing.lttng("stop")
      yield* tracing.lttng("destroy")
      yield* Edges.forwarded(edge, 60)
      yield* Edges.forwarded(between.now(), 60)
      yield* Process.until("the files to be complete", () =>
        Tree.files(output).every((path) => !path.includes(".journals/"))
      )
      const left = () => Tree.files(spools).filter((path) => !path.endsWith("status.json"))
      // A journal that is over is none, and then its files go.
      yield* Effect.option(Process.until("the spools to be empty", () => left().length === 0))
      const { bySource, discarded } = yield* Babeltrace.read(Babeltrace.sessionDirectory(output, "whole"))
      const { breaks, count } = bySource.get(0) ?? { breaks: ["nothing"], count: 0 }
      const outcome: Outcome = {
        recorded: count,
        breaks,
        discarded,
        left: left(),
        millis: Math.round(performance.now() - begun)
      }
      return outcome
    })
  )
