/** A tracing session of several consumer daemons, directly and by an edge: for what ends only one of them. */
import { Effect, Exit, Scope } from "effect"
import type { Fault } from "../../src/storage/FaultyFiles.ts"
import * as Script from "../../src/testing/Script.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { logged } from "../support/logged.ts"
import { Link } from "./Link.ts"
import * as Local from "./Local.ts"

/** An edge brings all by the control port. */
const nowhere = 1

/** Of every consumer daemon of the tracing session. */
export const shared = { sessionId: 1 } as const
/** Of one that comes when there is a trace chunk. */
export const joining = { ...shared, chunk: "none", currentChunk: 0 } as const

/** Two consumer daemons of one session, each with a stream; that of the first has its files below `path`. */
export const both = (script: Script.Script, path?: string) =>
  Effect.gen(function* () {
    const bad = yield* script.recording(shared)
    const good = yield* script.recording(joining)
    const stream = yield* bad.c.addStream({ channel: "bad_0", ...(path !== undefined && { path }) })
    const other = yield* good.c.addStream({ channel: "good_0" })
    return { bad, good, stream, other }
  })

/** A packet with its index. */
export const packet = ({ c, d }: Script.Recording, stream: bigint, seq: number, bytes: number) =>
  Effect.andThen(d.packet(stream, seq, bytes), c.index(stream, { seq, bytes }))

/** `fails`: from now on files of the relay, and of those after it, fail so. */
export type Play = (script: Script.Script, fails: (fault: Fault) => void) => Effect.Effect<void, never, Scope.Scope>

/** Relays over the same files, one after the other. */
const begun = Effect.gen(function* () {
  const faults: Array<Fault> = []
  let scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  let relay = yield* Scope.provide(TestRelay.make(), scope)
  return {
    relay: () => relay,
    fails: (fault: Fault) => {
      faults.push(fault)
      relay.faults.fail(fault)
    },
    /** The next one is there; `isMended`: its files do not fail. */
    restarted: (isMended = false) =>
      Effect.gen(function* () {
        yield* Scope.close(scope, Exit.void)
        scope = yield* Scope.make()
        relay = yield* Effect.orDie(Scope.provide(TestRelay.make({ memory: relay.memory }), scope))
        if (!isMended) for (const fault of faults) relay.faults.fail(fault)
      })
  }
})
export type Relays = Effect.Success<typeof begun>

export const direct = (play: Play) =>
  Effect.scoped(
    Effect.gen(function* () {
      const transcript: Array<string> = []
      const { fails, relay } = yield* begun
      const script = Script.make(relay(), relay().output, (line) => transcript.push(line))
      yield* Effect.scoped(play(script, fails))
      yield* Local.quiet(relay())
      return { transcript, tree: relay().output.tree() }
    })
  )

/** What an edge's relay may have to do meanwhile. */
export type Between = (relays: Relays, local: Local.Local) => Effect.Effect<void>

/** The edge's relay has put down all that came, and the next one goes on. */
export const restart: Between = ({ restarted }, local) => Effect.andThen(Local.marked(local), restarted())

/** Where others go on: at the same relay, and at the next. */
export const wheres: ReadonlyArray<readonly [where: string, between: Between | undefined]> = [
  ["", undefined],
  [" at the next relay", restart]
]

export const byEdge = (play: (between: Effect.Effect<void>) => Play, between: Between = () => Effect.void) => {
  const { codes, layer } = logged()
  return Effect.gen(function* () {
    const transcript: Array<string> = []
    const relays = yield* begun
    const { output } = relays.relay()
    const link = yield* new Link(() => relays.relay().controlPort).open
    const local = yield* Local.start({ controlPort: link.port, dataPort: nowhere })
    const script = Script.make(local, output, (line) => transcript.push(line))
    yield* Effect.scoped(play(between(relays, local))(script, relays.fails))
    yield* local.forwarded
    yield* Local.quiet(relays.relay())
    const lost = local.edge.spool.losses.parts.map(({ why }) => why)
    return { transcript, tree: output.tree(), isLost: codes.includes("JOURNAL_LOST"), lost }
  }).pipe(Effect.scoped, Effect.provide(layer))
}
