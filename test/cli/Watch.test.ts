/** Waiting for a session: all of one name that begin together are watched, as the domains of a recording session do. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option } from "effect"
import * as Watch from "../../src/cli/live/Watch.ts"
import * as Target from "../../src/target/Target.ts"
import * as Relays from "../support/relays.ts"

it.live("sessions of one name that come one after the other while they are waited for", () =>
  Effect.gen(function* () {
    const relay = yield* Relays.start("ours")
    const target = yield* Target.make({
      url: `net://127.0.0.1:${relay.controlPort}:${relay.dataPort}`,
      hostname: "host1"
    })
    const waiting = yield* Effect.forkScoped(
      Watch.attach(
        {
          url: `net://127.0.0.1:${relay.livePort}/host/host1/made`,
          seek: Option.none(),
          wait: true,
          tlsCa: Option.none(),
          tlsCert: Option.none(),
          tlsKey: Option.none(),
          tlsName: Option.none()
        },
        { otherwise: "last" }
      )
    )
    yield* Effect.sleep(Duration.millis(200))
    const session = target.session({ name: "made", liveTimer: "1 second", clock: () => 0n })
    yield* session
    // Longer than who waits looks away.
    yield* Effect.sleep(Duration.millis(150))
    yield* session
    const { sessions } = yield* Fiber.join(waiting)
    assert.strictEqual(sessions.length, 2)
  })
)
