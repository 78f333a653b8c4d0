/** Waiting for a session: all of one name that begin together are watched, as the domains of a recording session do. */
import { assert, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber, Logger, Option, Queue } from "effect"
import * as Watch from "../../src/cli/live/Watch.ts"
import * as Target from "../../src/target/Target.ts"
import { TestRelay } from "../../src/testing/index.ts"
import { toolboxProgram } from "../support/bundle.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"

/** The times for which somebody sleeps who has this clock. Nobody wakes before the test says so. */
const sleepers = Effect.gen(function* () {
  const real = yield* Clock.Clock
  const pauses = yield* Queue.unbounded<{ readonly millis: number; readonly over: Deferred.Deferred<void> }>()
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => real.currentTimeMillisUnsafe(),
    currentTimeMillis: real.currentTimeMillis,
    currentTimeNanosUnsafe: () => real.currentTimeNanosUnsafe(),
    currentTimeNanos: real.currentTimeNanos,
    monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: real.monotonicTimeNanos,
    sleep: (duration) =>
      Effect.flatMap(Deferred.make<void>(), (over) => {
        Queue.offerUnsafe(pauses, { millis: Duration.toMillis(duration), over })
        return Deferred.await(over)
      })
  }
  /** When somebody sleeps for so long; others, as those who give up at some time, sleep for ever. */
  const asleep = (millis: number) =>
    Effect.repeat(Queue.take(pauses), { until: (pause) => pause.millis === millis }).pipe(
      Effect.map(({ over }) => Deferred.succeed(over, undefined))
    )
  return { clock, asleep }
})

it.live("sessions of one name that come one after the other while they are waited for", () =>
  Effect.gen(function* () {
    const { targetUrl, viewerUrl } = yield* TestRelay.make()
    const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
    const { asleep, clock } = yield* sleepers
    const waiting = yield* Watch.attach(
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
    ).pipe(Effect.provideService(Clock.Clock, clock), Effect.forkScoped)
    const session = target.session({ name: "made", liveTimer: "1 second", clock: () => 0n })
    // There is nothing, twice.
    yield* Effect.flatten(asleep(Watch.waitMillis))
    const wake = yield* asleep(Watch.waitMillis)
    yield* session
    yield* wake
    const settle = yield* asleep(Watch.settleMillis)
    yield* session
    yield* settle
    yield* Effect.flatten(asleep(Watch.settleMillis))
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

it.live("who waits ends at once by a signal, with the status that says which", () =>
  Effect.gen(function* () {
    const url = `net://127.0.0.1:${yield* Ports.free}/host/h/nobodys`
    const statuses = yield* Effect.forEach(["SIGINT", "SIGTERM"] as const, (signal) =>
      Effect.gen(function* () {
        const follow = yield* Process.daemon(process.execPath, [toolboxProgram, "follow", "--wait", url])
        yield* Process.said(follow, "waiting\n")
        follow.signal(signal)
        return (yield* follow.ended).code
      })
    )
    assert.deepStrictEqual(statuses, [130, 143])
  })
)
