/** Paces go on where the wall clock is set back by an hour in the middle: nobody waits for it to be there again. */
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import * as CtfTrace from "../../src/ctf/CtfTrace.ts"
import * as Load from "../../src/target/Load.ts"
import * as Replay from "../../src/target/Replay.ts"
import * as Target from "../../src/target/Target.ts"
import * as TestRelay from "../../src/testing/TestRelay.ts"
import { until } from "../../src/testing/Waiting.ts"
import * as Babeltrace from "../support/babeltrace.ts"
import * as Relays from "../support/relays.ts"
import * as SetClock from "../support/setclock.ts"

const hour = 3_600_000
const load = { sessionCount: 1, streamCount: 1, packetBytes: 4096, rate: 20, packetCount: 5 }

it.live("of a load", () =>
  Effect.gen(function* () {
    const relay = yield* TestRelay.make()
    const target = yield* Target.make({ url: relay.targetUrl })
    const { clock, set } = yield* SetClock.make
    let isSet = false
    const onProgress = () => {
      if (!isSet) set(-hour)
      isSet = true
    }
    const loaded = Load.run(target, { ...load, onProgress })
    const { packets, seconds } = yield* Effect.provideService(loaded, Clock.Clock, clock)
    assert.strictEqual(packets, load.packetCount)
    assert.isAtLeast(seconds, 0)
  })
)

it.live("of a replay", () =>
  Effect.gen(function* () {
    const recorder = yield* Relays.start("ours")
    yield* Load.run(yield* Target.make({ url: `net://127.0.0.1:${recorder.controlPort}:${recorder.dataPort}` }), load)
    const recording = yield* CtfTrace.open(Babeltrace.sessionDirectory(recorder.output, "load-0"))
    const relay = yield* TestRelay.make()
    const { clock, set } = yield* SetClock.make
    const replayed = Replay.replay(recording, yield* Target.make({ url: relay.targetUrl }), { speed: 1 })
    const fiber = yield* Effect.forkChild(Effect.provideService(replayed, Clock.Clock, clock))
    yield* until("a packet to be there", relay.relay.counters, ({ packetCount }) => packetCount > 1)
    set(-hour)
    assert.strictEqual((yield* Fiber.join(fiber)).packets, load.packetCount)
  })
)
