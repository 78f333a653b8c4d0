/**
 * Inputs for a whole relay: what a target says on its two connections and a viewer on a third. After each, whatever it
 * was: a new target is served, and nothing of the input is left.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { assertNothingLeft, type PeerDouble, type Relay, withRelay } from "../../connection/doubles.ts"
import { play, type Scenario, scenarios } from "../../simulation/targets.ts"
import { Viewer } from "../../simulation/world/Viewer.ts"
import { Random } from "../../support/Random.ts"
import { turns } from "../../support/turns.ts"

/** In the order of their kinds: control, data, live. */
export type Input = readonly [Buffer, Buffer, Buffer]

const next: Scenario = { play: (target) => Effect.andThen(target.packets(1), target.settled) }

/** What was said while a scenario was played. */
const captured = (name: string): Effect.Effect<Input> =>
  Effect.gen(function* () {
    const said: [Array<Buffer>, Array<Buffer>, Array<Buffer>] = [[], [], []]
    yield* withRelay({}, (plain) => {
      const heard = (peer: PeerDouble, parts: Array<Buffer>) => {
        const deliver = peer.deliver.bind(peer)
        peer.deliver = (bytes) => {
          parts.push(Buffer.from(bytes))
          deliver(bytes)
        }
      }
      const relay: Relay = {
        ...plain,
        control: Effect.tap(plain.control, ({ peer }) => Effect.sync(() => heard(peer, said[0]))),
        data: Effect.tap(plain.data, (peer) => Effect.sync(() => heard(peer, said[1]))),
        live: Effect.tap(plain.live, ({ peer }) => Effect.sync(() => heard(peer, said[2])))
      }
      return Effect.gen(function* () {
        yield* play(relay, { ...(scenarios[name] as Scenario), session: { liveTimer: 1_000_000 } }, () => {})
        const { peer, viewer } = yield* Viewer.open(relay, new Random(1))
        const watching = yield* Effect.forkScoped(viewer.watch(1n))
        yield* turns(50)
        peer.finish()
        yield* turns(10)
        assert.isDefined(watching)
      })
    })
    return said.map((parts) => Buffer.concat(parts)) as unknown as Input
  })

export const seeds: Effect.Effect<ReadonlyArray<Input>> = Effect.forEach(
  ["recording", "ring", "rotations", "clear", "live", "closing"],
  captured
)

const one = (relay: Relay, [control, data, live]: Input) =>
  Effect.gen(function* () {
    const c = yield* relay.control
    const d = yield* relay.data
    const v = yield* relay.live
    // The control connection's first part makes what the others name.
    c.peer.deliver(control.subarray(0, control.length >> 1))
    yield* turns(2)
    d.deliver(data)
    v.peer.deliver(live)
    c.peer.deliver(control.subarray(control.length >> 1))
    yield* turns(4)
    for (const peer of [c.peer, d, v.peer]) {
      peer.finish()
      peer.reset()
    }
  })

/** Throws for what is wrong. */
export const run = (inputs: ReadonlyArray<Input>): Effect.Effect<void> =>
  withRelay({}, (relay) =>
    Effect.gen(function* () {
      for (const input of inputs) yield* one(relay, input)
      yield* assertNothingLeft(relay)
      const defects = relay.log.filter(({ code, text }) => /DEFECT/.test(String(code)) || /defect|failed: /.test(text))
      assert.deepStrictEqual(defects, [])
      const peers: Array<PeerDouble> = []
      yield* play(relay, next, ({ c, d }) => peers.push(c.peer, d), "after")
      for (const peer of peers) peer.finish()
      yield* assertNothingLeft(relay)
    })
  )
