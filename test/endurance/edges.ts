/**
 * A real tracer before an edge, in rounds. In each the link is cut, and the relay is stopped and killed, while a
 * session records, which is then stopped: the edge has answered for all of it. While another one records the edge is
 * killed; the next one goes on with what it has left. In the end every event of the first kind is there, and of the
 * second kind every packet that was answered for.
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
import { packetCountOf } from "./packets.ts"
import * as Witness from "./witness.ts"

export interface Options {
  readonly rounds: number
  /** In each round. */
  readonly events: number
  readonly cuts: number
  readonly onRound: (line: string) => void
}

export interface Outcome {
  readonly cuts: number
  readonly stops: number
  readonly kills: number
  readonly edgeKills: number
  readonly events: number
  readonly answered: number
  /** One line each. */
  readonly lost: ReadonlyArray<string>
}

interface Round {
  readonly number: number
  readonly answered: number
}

class World {
  cuts = 0
  stops = 0
  kills = 0
  readonly #options: Options
  readonly #output: string
  readonly #scope: Scope.Scope
  #relay: { readonly relay: Relays.Relay; readonly scope: Scope.Closeable } | undefined
  readonly #link = new Link(() => this.#relay?.relay.controlPort ?? 1)

  constructor(options: Options, output: string, scope: Scope.Scope) {
    this.#options = options
    this.#output = output
    this.#scope = scope
  }

  get begin() {
    return Effect.andThen(this.#link.open, this.#startRelay)
  }

  get #startRelay() {
    return Effect.gen({ self: this }, function* () {
      const scope = yield* Scope.make()
      yield* Scope.addFinalizer(this.#scope, Scope.close(scope, Exit.void))
      const relay = yield* Scope.provide(Relays.start("ours", { output: this.#output }), scope)
      this.#relay = { relay, scope }
    })
  }

  #restart(signal: "SIGKILL" | "SIGTERM") {
    return Effect.gen({ self: this }, function* () {
      const before = this.#relay
      if (before === undefined) return
      before.relay.process.signal(signal)
      yield* before.relay.process.ended
      yield* Scope.close(before.scope, Exit.void)
      yield* this.#startRelay
    })
  }

  get adversity() {
    return Effect.gen({ self: this }, function* () {
      for (let cut = 0; cut < this.#options.cuts; cut++) {
        yield* Effect.sleep(100 + Math.random() * 400)
        this.cuts++
        this.#link.cut()
        if (cut === 1) {
          this.stops++
          yield* this.#restart("SIGTERM")
        }
        if (cut === 3) {
          this.kills++
          yield* this.#restart("SIGKILL")
        }
      }
    })
  }

  startEdge(spool: string) {
    const relay = this.#relay?.relay as Relays.Relay
    return Edges.start(relay, { spool, to: `net://127.0.0.1:${this.#link.port}:${this.#link.port + 1}` })
  }

  round(number: number, spool: string) {
    const { events } = this.#options
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const edge = yield* this.startEdge(spool)
        const tracing = yield* Lttng.start
        yield* Lttng.record(tracing, edge, `whole${number}`)
        yield* Effect.all([tracing.emit({ count: events, sleepMicros: 1 }), this.adversity], { concurrency: 2 })
        yield* tracing.lttng("stop")
        const witness = yield* Witness.open(edge)
        // A live one: of others the tracer keeps the metadata until they are stopped.
        const live = { create: ["--live=100000"], channel: ["--subbuf-size=4k"] }
        yield* Lttng.record(tracing, { ...edge, ...witness }, `part${number}`, live)
        const emitting = yield* Effect.forkScoped(Effect.exit(tracing.emit({ count: 10_000_000, cpu: number % 2 })))
        yield* Process.until(
          "answers",
          Effect.sync(() => witness.answeredCount() > 10)
        )
        yield* Effect.sleep(Math.random() * 500)
        edge.process.signal("SIGKILL")
        yield* edge.process.ended
        yield* tracing.crash
        yield* Fiber.interrupt(emitting)
        const round: Round = { number, answered: witness.answeredCount() }
        return round
      })
    )
  }
}

const sessionLost = (output: string, { answered, number }: Round, events: number) =>
  Effect.gen(function* () {
    const lost: Array<string> = []
    const whole = yield* Babeltrace.read(Babeltrace.sessionDirectory(output, `whole${number}`))
    const { breaks, count } = whole.bySource.get(0) ?? { breaks: ["nothing"], count: 0 }
    if (count !== events || breaks.length > 0) lost.push(`whole${number}: ${count} of ${events}, ${breaks}`)
    const directory = Babeltrace.sessionDirectory(output, `part${number}`)
    const recorded = packetCountOf(directory)
    const part = yield* Babeltrace.read(directory)
    const broken = part.bySource.get(0)?.breaks ?? ["nothing"]
    if (recorded < answered || broken.length > 0) lost.push(`part${number}: ${recorded} of ${answered}, ${broken}`)
    return lost
  })

export const endure = (options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { events, onRound, rounds } = options
      const output = yield* Relays.temporaryDirectory("output")
      const spool = join(yield* Relays.temporaryDirectory("spool"), "spool")
      const world = new World(options, output, yield* Effect.scope)
      yield* world.begin
      const all: Array<Round> = []
      for (let number = 0; number < rounds; number++) {
        all.push(yield* world.round(number, spool))
        onRound(`round ${number}: ${all.at(-1)?.answered} packets answered before the edge was killed`)
      }
      const last = yield* world.startEdge(spool)
      yield* Edges.forwarded(last, 120)
      yield* Process.until(
        "the files to be complete",
        Effect.sync(() => Tree.files(output).every((path) => !path.includes(".journals/")))
      )
      const lost: Array<string> = []
      for (const round of all) lost.push(...(yield* sessionLost(output, round, events)))
      const outcome: Outcome = {
        cuts: world.cuts,
        stops: world.stops,
        kills: world.kills,
        edgeKills: rounds,
        events: rounds * events,
        answered: all.reduce((sum, { answered }) => sum + answered, 0),
        lost
      }
      return outcome
    })
  )
