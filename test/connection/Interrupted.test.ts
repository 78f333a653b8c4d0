/**
 * Connections end while something is done for them, wherever their fibers are. Goal: at each step of each operation, by
 * whichever end, all that was claimed is given back: names, places, memory, descriptors, sessions, quotas.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Fiber, Scheduler, type Scope } from "effect"
import { freePieces } from "../support/pieces.ts"
import { turns, until } from "../support/turns.ts"
import { halting } from "../support/yielding.ts"
import { assertNothingLeft, type Control, type PeerDouble, type Relay, withRelay } from "./doubles.ts"
import { type Operation, operations, type Stage } from "./operations.ts"

/** How connections end. */
const ends: Readonly<Record<string, (relay: Relay, peers: ReadonlyArray<PeerDouble>) => void>> = {
  "they are reset": (_relay, peers) => {
    for (const peer of peers) peer.reset()
  },
  "the relay ends them": ({ registry: { tally } }) => {
    for (const { id } of [...tally.connections.current]) tally.connections.end(id, "ended by program")
  },
  "their fibers are interrupted": ({ connections }) => {
    for (const fiber of [...connections]) fiber.interruptUnsafe()
  }
}

const isThorough = process.env.LTTNG_RELAY_STEPS === "all"

/** Of the steps of a long operation each end has a part, those of its own `number`. */
const stepsOf = (count: number, number: number): ReadonlyArray<number> => {
  const stride = isThorough || count <= 30 ? 1 : count <= 200 ? 3 : 27
  const first = 1 + (number % stride)
  return Array.from(
    { length: Math.max(0, Math.ceil((count + 1 - first) / stride)) },
    (_, index) => first + index * stride
  )
}

const turnCountMax = 200

/** Mostly it comes within a few turns, and a thousand times. */
const soon = (waitingFor: string, holds: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let turn = 0; turn < turnCountMax && !holds(); turn++) yield* turns(1)
    yield* until(waitingFor, holds)
  })

/** The test's own steps are not counted. */
const apart = Effect.provideService(Scheduler.Scheduler, new Scheduler.MixedScheduler())

const bounds = [
  {
    principal: "here",
    connections: 1000,
    sessions: 1000,
    bytesOnDisk: Number.POSITIVE_INFINITY,
    bytesPerSecond: 1e12
  }
]

const all = { mayRecord: () => true, mayRecordAny: true, mayView: () => true, mayViewAll: true, mayAdminister: true }

/** Plays it undisturbed first, to learn how many steps it takes. */
const interrupted = ({ after, options, prepare }: Operation, end: (typeof ends)[string], endNumber: number) => {
  let left = Number.POSITIVE_INFINITY
  let takenCount = 0
  let onStep = () => {}
  const isDue = () => {
    takenCount++
    return --left === 0
  }
  const once = (relay: Relay, number: number, step: number) =>
    Effect.gen(function* () {
      const peers: Array<PeerDouble> = []
      const known = <A extends Control | PeerDouble>(made: Effect.Effect<A, never, Scope.Scope>) =>
        Effect.tap(made, (peer) => Effect.sync(() => peers.push("peer" in peer ? peer.peer : peer)))
      const { control, data, live } = relay
      const stage: Stage = { relay, number, control: known(control), data: known(data), live: known(live) }
      const during = yield* prepare(stage)
      let hasEnded = false
      onStep = () => {
        hasEnded = true
        end(relay, peers)
      }
      left = step
      takenCount = 0
      const doing = yield* Effect.forkScoped(apart(during), { startImmediately: true })
      yield* apart(soon("it to be done, or the end", () => hasEnded || doing.pollUnsafe() !== undefined))
      left = Number.POSITIVE_INFINITY
      const count = takenCount
      if (!hasEnded) assert.deepInclude(doing.pollUnsafe(), { _tag: "Success" })
      onStep()
      onStep = () => {}
      const undone = Effect.gen(function* () {
        yield* Fiber.interrupt(doing)
        yield* soon("their ends", () => peers.every(({ isClosed }) => isClosed))
        yield* after(stage)
        for (const peer of peers) peer.reset()
        yield* soon("the ends of sessions", () => relay.registry.sessions.size === 0)
        yield* assertNothingLeft(relay)
      })
      const told = (cause: Cause.Cause<never>) => Effect.die(new Error(`step ${step}: ${Cause.pretty(cause)}`))
      yield* Effect.catchCause(apart(undone), told)
      return count
    })
  const played = withRelay(options, (relay) =>
    Effect.gen(function* () {
      relay.registry.permissions.rightsOf = () => ({ ...all, bounds })
      const freeBefore = freePieces()
      const count = yield* once(relay, 1, Number.POSITIVE_INFINITY)
      for (const step of stepsOf(count, endNumber)) yield* once(relay, step + 1, step)
      // What is left of any shows in another one.
      yield* once(relay, count + 2, Number.POSITIVE_INFINITY)
      assert.strictEqual(freePieces(), freeBefore)
    })
  )
  return halting(played, isDue, () => onStep())
}

for (const [endNumber, [name, end]] of Object.entries(ends).entries()) {
  describe(`nothing is left wherever connections end: ${name}`, () => {
    for (const [what, operation] of Object.entries(operations)) {
      it.live(what, () => interrupted(operation, end, endNumber))
    }
  })
}
