/**
 * A real tracer before an edge whose link is cut and whose relay is killed and stopped, again and again; and before a
 * relay of its own that nothing happens to. In the end the two directories are the same, byte for byte.
 */
import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { Link } from "../edge/Link.ts"
import * as Edges from "./edges.ts"
import * as Lttng from "./lttng.ts"
import * as Ports from "./ports.ts"
import * as Process from "./process.ts"
import * as Relays from "./relays.ts"
import * as Tee from "./tee.ts"
import * as Tree from "./tree.ts"

export type Fault = "cut" | "kill" | "stop"

export interface Stage {
  readonly tracing: Lttng.Tracing
  /** Where tracers send: to both. */
  readonly near: Relays.Relay
  /** Behind the edge, as it is now. */
  readonly relay: () => Relays.Relay
  readonly edge: Edges.Edge
  /** What the relay behind the edge writes, whichever it is. */
  readonly output: string
  readonly strike: (fault: Fault) => Effect.Effect<void>
  /** One fault after the other. Goes on until it is interrupted. */
  readonly adversity: Effect.Effect<never>
  readonly faultCount: () => number
}

export interface Options {
  readonly everyMillis?: number
  readonly faults?: ReadonlyArray<Fault>
  readonly edge?: ReadonlyArray<string>
  readonly relay?: ReadonlyArray<string>
  /** Of the relay behind the edge: whenever it is started the next of them; none: as it is shipped. */
  readonly programs?: ReadonlyArray<string>
  readonly edgeProgram?: string
}

const usual: ReadonlyArray<Fault> = ["cut", "cut", "kill", "cut", "stop"]

const begin = Effect.fnUntraced(function* ({
  edge: edgeArgs,
  edgeProgram,
  everyMillis = 250,
  faults = usual,
  programs = [],
  relay: args
}: Options) {
  const output = yield* Relays.temporaryDirectory("output")
  const livePort = yield* Ports.free
  const logs: Array<() => string> = []
  const start = Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const program = programs[logs.length % programs.length]
    const options = { output, livePort, ...(args && { args }), ...(program && { program }) }
    const relay = yield* Scope.provide(Relays.start("ours", options), scope)
    logs.push(relay.process.output)
    return { relay, scope }
  })
  let now = yield* start
  const link = yield* new Link(() => now.relay.controlPort).open
  const edge = yield* Edges.start(now.relay, {
    to: `net://127.0.0.1:${link.port}:${link.port + 1}`,
    ...(edgeArgs && { args: edgeArgs }),
    ...(edgeProgram && { program: edgeProgram })
  })
  const direct = yield* Relays.start("ours", args && { args })
  const others = [edge.process.output, direct.process.output]
  const tee = yield* Tee.open(edge, direct)
  const tracing = yield* Lttng.start
  const world = yield* Effect.scope
  let count = 0
  const strike = (fault: Fault) =>
    Effect.gen(function* () {
      count++
      if (fault === "cut") return link.cut()
      now.relay.process.signal(fault === "kill" ? "SIGKILL" : "SIGTERM")
      yield* now.relay.process.ended
      yield* Scope.close(now.scope, Exit.void)
      now = yield* Scope.provide(start, world)
    }).pipe(Effect.uninterruptible, Effect.orDie)
  const adversity = Effect.gen(function* () {
    if (faults.length === 0) return yield* Effect.never
    for (let at = 0; ; at++) {
      yield* Effect.sleep(everyMillis)
      yield* strike(faults[at % faults.length] as Fault)
    }
  })
  const stage: Stage = {
    tracing,
    near: { ...direct, ...tee },
    relay: () => now.relay,
    edge,
    output,
    strike,
    adversity,
    faultCount: () => count
  }
  return { stage, direct, output, tee, log: () => [...logs, ...others].map((said) => said()).join("\n") }
})

const treeOf = (output: string) => Tree.read(output)

/** What `play` records, twice; answers the directory. */
export const endure = Effect.fnUntraced(function* <E, R>(
  play: (stage: Stage) => Effect.Effect<unknown, E, R>,
  options: Options = {}
) {
  const { direct, log, output, stage, tee } = yield* begin(options)
  const adversity = yield* Effect.forkScoped(stage.adversity)
  yield* play(stage)
  yield* Fiber.interrupt(adversity)
  yield* Process.until("the tracer to be gone", () => tee.count() === 0)
  yield* Edges.forwarded(stage.edge, 60)
  yield* Effect.ignore(
    Process.until("the same directories", () => `${treeOf(output)}` === `${treeOf(direct.output)}`, {
      everyMillis: 200,
      seconds: 30
    })
  )
  const [far, near] = [treeOf(output), treeOf(direct.output)]
  const without = (tree: ReadonlyArray<string>, other: ReadonlyArray<string>) => {
    const others = new Set(other)
    return tree.filter((line) => !others.has(line))
  }
  assert.deepStrictEqual(without(far, near), without(near, far), log())
  assert.strictEqual(far.length, near.length, log())
  assert.notInclude(log(), "JOURNAL_CHANGED")
  return { output, direct: direct.output, faultCount: stage.faultCount() }
})
