/**
 * A real tracer before an edge, in rounds. In each the link is cut while a session records that a viewer at the relay
 * watches, and while another one records, for which the relay is stopped and killed too; each is then stopped: the edge
 * has answered for all of it. While a third one records the edge is killed; the next one goes on with what it has left.
 * In the end every event of the first two is there, every one of the first was shown once, and of the third every
 * packet that was answered for is there.
 *
 * The relay is at the far end of the kernel's network, where there may be one: every second cut is the interface's.
 */
import { join } from "node:path"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Namespace from "../../bench/Namespace.ts"
import { Link } from "../edge/Link.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Edges from "../support/edges.ts"
import * as Lttng from "../support/lttng.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Tree from "../support/tree.ts"
import * as Viewing from "../support/viewing.ts"
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
  /** What the viewer showed. */
  readonly shown: Babeltrace.Readout
}

/** Of a cut of the interface: nobody's connection breaks. */
const outageMillis = 200

const network = Effect.gen(function* () {
  const reason = Namespace.missing({})
  return reason === undefined ? yield* Namespace.make({}) : undefined
})

const live = ["--live=100000"]

/** A viewer that comes before its session goes away again. */
const viewerOf = (relay: Relays.Relay, session: string) =>
  Effect.gen(function* () {
    const isThere = Effect.map(Viewing.list(relay), (all) => all.some((one) => one.session.endsWith(session)))
    yield* Process.until(`${session} at the relay`, isThere)
    return yield* Viewing.view(relay, session)
  })

type Failure = Process.ProcessFailed | Process.TimedOut

class World {
  cuts = 0
  stops = 0
  kills = 0
  readonly #options: Options
  readonly #output: string
  readonly #scope: Scope.Scope
  #relay: { readonly relay: Relays.Relay; readonly scope: Scope.Closeable } | undefined
  readonly #network: Namespace.Namespace | undefined
  readonly #link: Link

  constructor(options: Options, output: string, scope: Scope.Scope, network: Namespace.Namespace | undefined) {
    this.#network = network
    const portOf = () => this.#relay?.relay.controlPort ?? 1
    this.#link = new Link(portOf, undefined, network?.insideAddress)
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
      const place = this.#network && { host: this.#network.insideAddress, network: this.#network.name }
      const relay = yield* Scope.provide(Relays.start("ours", { output: this.#output, ...place }), scope)
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

  get #cut() {
    return Effect.suspend(() => {
      this.cuts++
      if (this.#network !== undefined && this.cuts % 2 === 0) return this.#network.cut(outageMillis)
      this.#link.cut()
      return Effect.void
    })
  }

  #cuts(count: number, each: (cut: number) => Effect.Effect<void, Failure> = () => Effect.void) {
    const one = (cut: number) =>
      Effect.sleep(100 + Math.random() * 400).pipe(Effect.andThen(this.#cut), Effect.andThen(each(cut)))
    return Effect.forEach(
      Array.from({ length: count }, (_, cut) => cut),
      one,
      { discard: true }
    )
  }

  #restarts(cut: number) {
    if (cut === 0) this.stops++
    if (cut === 1) this.kills++
    return cut > 1 ? Effect.void : this.#restart(cut === 0 ? "SIGTERM" : "SIGKILL")
  }

  #emit(tracing: Lttng.Tracing, events: number, cuts: number) {
    return tracing.emit({ count: events, sleepMicros: Math.round((cuts * 300_000) / events) })
  }

  startEdge(spool: string) {
    const relay = this.#relay?.relay as Relays.Relay
    return Edges.start(relay, { spool, to: `net://127.0.0.1:${this.#link.port}:${this.#link.port + 1}` })
  }

  round(number: number, spool: string) {
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const edge = yield* this.startEdge(spool)
        const tracing = yield* Lttng.start
        const [events, cuts] = [this.#options.events / 2, this.#options.cuts / 2]
        yield* Lttng.record(tracing, edge, `shown${number}`, { create: live })
        const viewer = yield* viewerOf(this.#relay?.relay as Relays.Relay, `shown${number}`)
        const watched = [this.#emit(tracing, events, cuts), this.#cuts(Math.ceil(cuts))]
        yield* Effect.all(watched, { concurrency: 2 })
        yield* tracing.lttng("stop")
        yield* viewer.until(events)
        yield* tracing.lttng("destroy")
        const shown = yield* viewer.ended
        yield* Lttng.record(tracing, edge, `whole${number}`)
        const endured = [this.#emit(tracing, events, cuts), this.#cuts(Math.floor(cuts), (cut) => this.#restarts(cut))]
        yield* Effect.all(endured, { concurrency: 2 })
        yield* tracing.lttng("stop")
        const witness = yield* Witness.open(edge)
        // A live one: of others the tracer keeps the metadata until they are stopped.
        const part = { create: live, channel: ["--subbuf-size=4k"] }
        yield* Lttng.record(tracing, { ...edge, ...witness }, `part${number}`, part)
        const emitting = yield* Effect.forkScoped(Effect.exit(tracing.emit({ count: 10_000_000, cpu: number % 2 })))
        yield* Process.until("answers", () => witness.answeredCount() > 10)
        yield* Effect.sleep(Math.random() * 500)
        edge.process.signal("SIGKILL")
        yield* edge.process.ended
        yield* tracing.crash
        yield* Fiber.interrupt(emitting)
        const round: Round = { number, answered: witness.answeredCount(), shown }
        return round
      })
    )
  }
}

const lostOf = (what: string, { bySource, discarded }: Babeltrace.Readout, events: number): ReadonlyArray<string> => {
  const { breaks, count } = bySource.get(0) ?? { breaks: ["nothing"], count: 0 }
  const complaints = [...breaks, ...discarded]
  return count === events && complaints.length === 0 ? [] : [`${what}: ${count} of ${events}, ${complaints}`]
}

const sessionLost = (output: string, { answered, number, shown }: Round, events: number) =>
  Effect.gen(function* () {
    const lost = [...lostOf(`shown${number} live`, shown, events)]
    for (const name of [`shown${number}`, `whole${number}`]) {
      const recorded = yield* Babeltrace.read(Babeltrace.sessionDirectory(output, name))
      lost.push(...lostOf(name, recorded, events))
    }
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
      const world = new World(options, output, yield* Effect.scope, yield* network)
      yield* world.begin
      const all: Array<Round> = []
      for (let number = 0; number < rounds; number++) {
        all.push(yield* world.round(number, spool))
        onRound(
          `round ${number}: ${all.at(-1)?.answered} packets answered before the edge was killed, ${all.at(-1)?.shown.events} events shown`
        )
      }
      const last = yield* world.startEdge(spool)
      yield* Edges.forwarded(last, 120)
      yield* Process.until("the files to be complete", () =>
        Tree.files(output).every((path) => !path.includes(".journals/"))
      )
      const lost: Array<string> = []
      for (const round of all) lost.push(...(yield* sessionLost(output, round, events / 2)))
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
