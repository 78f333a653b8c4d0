/**
 * A quiet service is traced and watched by both viewers; meanwhile other applications come and go, or stay, or are
 * another user's. The packets of their new streams begin before the time until which the service's is quiet: viewers
 * die of being told too much. Goal: nobody dies, every event is shown once. `.ci/viewers` plays as many rounds as one
 * likes.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Lttng from "../support/lttng.ts"
import * as Peers from "../support/peers.ts"
import * as Relays from "../support/relays.ts"
import { untilSource, viewBeside } from "../support/viewing.ts"

const roundCount = Number(process.env.VIEWER_ROUNDS ?? 1)
const timersMillis = [100, 300, 50, 500, 1000]
const programs = ["babeltrace2", "babeltrace"] as const
const quiet = 99
const userId = 12345

interface Kind {
  readonly name: string
  readonly buffers: "--buffers-pid" | "--buffers-uid"
  readonly apps: ReadonlyArray<Omit<Lttng.AppOptions, "source">>
}

const times = (count: number, app: Kind["apps"][number]) => Array.from({ length: count }, () => app)

const kinds: ReadonlyArray<Kind> = [
  { name: "applications that come and go", buffers: "--buffers-pid", apps: times(4, { count: 5 }) },
  {
    name: "applications that stay",
    buffers: "--buffers-pid",
    apps: times(3, { count: 60, sleepMicros: 50_000 })
  },
  {
    name: "another user's applications",
    buffers: "--buffers-uid",
    apps: times(2, { count: 20, sleepMicros: 1000, uid: userId })
  }
]

/** Of a live timer, between two applications: they fall everywhere in its period. */
const shareOf = (round: number, index: number) => 0.3 + ((round * 0.37 + index * 0.61) % 1.7)

const play = (tracing: Lttng.Tracing, relay: Relays.Relay, { apps, buffers }: Kind, round: number) =>
  Effect.gen(function* () {
    const millis = timersMillis[round % timersMillis.length] ?? 100
    const session = `round${round}`
    const { emit, lttng } = tracing
    yield* Lttng.record(tracing, relay, session, { create: [`--live=${millis * 1000}`], channel: [buffers] })
    const viewers = yield* Effect.forEach(programs, (program) => viewBeside(relay, session, program))
    const service = yield* Effect.forkScoped(emit({ count: 8, source: quiet, sleepMicros: 700_000 }))
    for (const viewer of viewers) yield* untilSource(viewer, quiet, 1)
    const running: Array<Fiber.Fiber<unknown, unknown>> = []
    for (const [source, app] of apps.entries()) {
      running.push(yield* Effect.forkScoped(emit({ ...app, source })))
      yield* Effect.sleep(Math.max(100, millis) * shareOf(round, source))
    }
    for (const fiber of [...running, service]) yield* Fiber.join(fiber)
    for (const viewer of viewers)
      for (const [source, { count }] of apps.entries()) yield* untilSource(viewer, source, count)
    yield* lttng("destroy", session)
    const expected = [...apps.map(({ count }, source) => ({ source, count })), { source: quiet, count: 8 }]
    for (const [index, viewer] of viewers.entries()) {
      const readout = yield* viewer.ended
      assert.isAbove(readout.events, 0, `${programs[index]}, round ${round}, ${millis} ms`)
      Babeltrace.assertExactly(readout, expected)
    }
  })

Peers.describeWithPeers(
  [...Peers.tracing, "babeltrace", "stdbuf", "setpriv"],
  "both viewers beside a quiet service",
  () => {
    for (const kind of kinds) {
      it.live(
        kind.name,
        () =>
          Effect.gen(function* () {
            const relay = yield* Relays.start(Relays.underTest, { args: ["-v"] })
            const tracing = yield* Lttng.start
            yield* Lttng.admitOthers(tracing)
            for (let round = 0; round < roundCount; round++) {
              yield* Effect.scoped(play(tracing, relay, kind, round))
              if (roundCount > 1) console.log(`${kind.name}: round ${round + 1} of ${roundCount}`)
            }
          }),
        60_000 + roundCount * 40_000
      )
    }
  }
)
