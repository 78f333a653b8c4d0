/** Waiting for a session: all of one name that begin together are watched, as the domains of a recording session do. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Option } from "effect"
import * as Watch from "../../src/cli/live/Watch.ts"
import * as Target from "../../src/target/Target.ts"
import { TestRelay } from "../../src/testing/index.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

it.live("sessions of one name that come one after the other while they are waited for", () =>
  Effect.gen(function* () {
    const { relay, targetUrl, viewerUrl } = yield* TestRelay.make()
    const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
    const waiting = yield* Effect.forkScoped(
      Watch.attach(
        {
          url: `${viewerUrl}/host/host1/made`,
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
    const askedBytes = Effect.map(relay.connections, (all) =>
      all.filter(({ port }) => port === "live").reduce((sum, { receivedByteCount }) => sum + receivedByteCount, 0)
    )
    const askedAgain = Effect.flatMap(askedBytes, (before) =>
      Process.until("the next question", askedBytes, (now) => now > before)
    )
    // Who it is, and what there is: nothing, twice.
    for (let count = 0; count < 4; count++) yield* askedAgain
    const session = target.session({ name: "made", liveTimer: "1 second", clock: () => 0n })
    yield* session
    yield* askedAgain
    yield* session
    const { sessions } = yield* Fiber.join(waiting)
    assert.strictEqual(sessions.length, 2)
  }).pipe(Effect.provide(Logger.layer([])))
)

it.live("what is waited for is said, each once: the relay, the session", () =>
  Effect.gen(function* () {
    const livePort = yield* Ports.free
    const url = `net://127.0.0.1:${livePort}/host/h/nobodys`
    const follow = yield* Process.daemon(process.execPath, [toolboxProgram, "follow", "--wait", url])
    const noRelay = `WARNING: cannot connect to 127.0.0.1:${livePort}: Connection refused; waiting\n`
    yield* Process.said(follow, noRelay)
    yield* Relays.start("ours", { livePort })
    const noSession = "WARNING: no live session nobodys of host h; waiting\n"
    yield* Process.said(follow, noSession)
    assert.strictEqual(yield* Process.lastSaid(follow), noRelay + noSession)
  })
)
