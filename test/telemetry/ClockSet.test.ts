/** What a relay tells of times is by its host's wall clock as it is now, also where that was set since. */
import { afterEach, assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Machine from "../../src/Machine.ts"
import { Relay } from "../../src/Relay.ts"
import { windowsFrom } from "../../src/telemetry/OtlpExport.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as SetClock from "../support/setclock.ts"

const hour = 3_600_000
const decades = 56 * 365 * 24 * hour

let restore = () => {}
afterEach(() => restore())

for (const byMillis of [-hour, decades]) {
  it.live(`the clock is set by ${byMillis / hour} hours`, () =>
    Effect.gen(function* () {
      let aheadMillis = 0
      restore = Machine.replace({ ...Machine, wallMillis: () => Date.now() + aheadMillis })
      const { relay, wire } = yield* TestRelay.make()
      const options = { version: "1", output: "/", descriptorLimit: 100 }
      const layer = Telemetry.layer(options).pipe(Layer.provide(Layer.succeed(Relay, relay)))
      const telemetry = Context.get(yield* Layer.build(Layer.fresh(layer)), Telemetry.Telemetry)
      yield* Effect.scoped(wire("live"))
      yield* until("one to be closed", relay.closedConnections, (all) => all.length === 1)
      yield* wire("control")
      yield* until("one to be open", relay.connections, (all) => all.length === 1)
      yield* relay.drain.begin(hour)
      const times = Effect.gen(function* () {
        const drain = yield* relay.drain.status
        const { startSeconds } = yield* telemetry.state
        const all = [...(yield* relay.connections), ...(yield* relay.closedConnections)]
        const connections = all.flatMap(({ closedAtMillis, openedAtMillis }) => [openedAtMillis, closedAtMillis])
        return [startSeconds * 1000, drain.sinceMillis, drain.deadlineMillis, ...connections]
      })
      const before = yield* times
      aheadMillis = byMillis
      const after = yield* times
      assert.lengthOf(after, 7)
      before.forEach((time, at) => {
        // It is counted back from now, in whole milliseconds.
        if (time !== undefined) assert.approximately((after[at] ?? 0) - time, byMillis, 1000)
        else assert.isUndefined(after[at])
      })
    })
  )
}

it.live("when the process began is one number as long as the clock is not set", () =>
  Effect.gen(function* () {
    const { relay } = yield* TestRelay.make()
    const options = { version: "1", output: "/", descriptorLimit: 100 }
    const layer = Telemetry.layer(options).pipe(Layer.provide(Layer.succeed(Relay, relay)))
    const { state } = Context.get(yield* Layer.build(Layer.fresh(layer)), Telemetry.Telemetry)
    const { startSeconds } = yield* state
    for (let count = 0; count < 20; count++) assert.strictEqual((yield* state).startSeconds, startSeconds)
  })
)

it.live("what is exported never ends before it begins", () =>
  Effect.gen(function* () {
    const { clock, set } = yield* SetClock.make
    const window = windowsFrom(clock)
    const begun = window().startNanos
    set(decades)
    assert.strictEqual(window().startNanos, begun)
    set(-2 * decades)
    const { nowNanos, startNanos } = window()
    assert.isAtMost(Number(startNanos - nowNanos), 0)
  })
)

it("times in debug lines are those of the clock as it is", () => {
  const { now } = Date
  try {
    Date.now = () => now() + decades
    assert.approximately(Machine.wallMicros() / 1000, Date.now(), 1000)
    Date.now = now
    assert.approximately(Machine.wallMicros() / 1000, Date.now(), 1000)
  } finally {
    Date.now = now
  }
})
