/** Waiting for a session: all of one name that begin together are watched, as the domains of a recording session do. */
import { writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"
import * as tls from "node:tls"
import { assert, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber, Logger, Option, Queue } from "effect"
import * as Watch from "../../src/cli/live/Watch.ts"
import * as Target from "../../src/target/Target.ts"
import { TestRelay } from "../../src/testing/index.ts"
import { greetingMillis, probeMillis } from "../../src/viewer/Greeting.ts"
import * as Certificates from "../support/certificates.ts"
import { listening } from "../support/listening.ts"
import * as Peers from "../support/peers.ts"
import * as Ports from "../support/ports.ts"
import * as Process from "../support/process.ts"
import * as Relays from "../support/relays.ts"
import * as Toolbox from "../support/toolbox.ts"

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

const none = { seek: Option.none(), tlsCa: Option.none(), tlsCert: Option.none(), tlsKey: Option.none() }

const attached = (url: string, clock: Clock.Clock) =>
  Watch.attach({ url, ...none, tlsName: Option.none(), wait: true }, { otherwise: "last" }).pipe(
    Effect.provideService(Clock.Clock, clock),
    Effect.forkScoped
  )

it.live("sessions of one name that come one after the other while they are waited for", () =>
  Effect.gen(function* () {
    const { targetUrl, viewerUrl } = yield* TestRelay.make()
    const target = yield* Target.make({ url: targetUrl, hostname: "host1" })
    const { asleep, clock } = yield* sleepers
    const waiting = yield* attached(`${viewerUrl}/host/host1/made`, clock)
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
    const follow = yield* Toolbox.start("follow", "--wait", url)
    const noRelay = `WARNING: cannot connect to 127.0.0.1:${livePort}: Connection refused; waiting\n`
    yield* Process.said(follow, noRelay)
    // An abbreviation: its first stage does not listen then, where a slow start would be something else to tell of.
    yield* Relays.start("ours", { livePort, args: ["--disallow-cl"] })
    const noSession = "WARNING: no live session nobodys of host h; waiting\n"
    yield* Process.said(follow, noSession)
    assert.strictEqual(yield* Process.lastSaid(follow), noRelay + noSession)
  })
)

it.live("a relay that is connected to and says nothing, since it has only begun to start, is waited for", () =>
  Effect.gen(function* () {
    const silent = createServer(() => undefined)
    const port = yield* listening(silent)
    const { asleep, clock } = yield* sleepers
    const waiting = yield* attached(`net://127.0.0.1:${port}/host/host1/made`, clock)
    const waits = Effect.gen(function* () {
      for (const millis of [greetingMillis, probeMillis, Watch.waitMillis]) yield* Effect.flatten(asleep(millis))
      yield* asleep(greetingMillis)
    })
    yield* Effect.raceFirst(waits, Effect.asVoid(Fiber.join(waiting)))
  }).pipe(Effect.provide(Logger.layer([])))
)

it.live("what ends a connection before a word is waited at by who was there before; what breaks it off, by all", () =>
  Effect.gen(function* () {
    const taken = yield* Queue.unbounded<void>()
    let over = (socket: Socket): unknown => socket.end()
    const balancer = createServer((socket) => {
      Queue.offerUnsafe(taken, undefined)
      socket.once("data", () => over(socket))
    })
    const url = `net://127.0.0.1:${yield* listening(balancer)}/host/h/s`
    const attach = (isKnown: boolean) =>
      Effect.flip(Watch.attach({ url, ...none, tlsName: Option.none(), wait: true, isKnown }, { otherwise: "last" }))
    assert.strictEqual((yield* attach(false))._tag, "NotLivePort")
    yield* Queue.clear(taken)
    // Each time it is asked twice, the second time whether it is a port of another kind.
    const waits = Queue.takeN(taken, 5)
    yield* Effect.raceFirst(Effect.asVoid(waits), Effect.flatMap(attach(true), Effect.die))
    over = (socket) => socket.resetAndDestroy()
    yield* Queue.clear(taken)
    yield* Effect.raceFirst(Effect.asVoid(waits), Effect.flatMap(attach(false), Effect.die))
  })
)

Peers.describeWithPeers(["openssl"], "a relay that was there, and refuses us", () => {
  it.live("is shown the certificate that is in the file by then; one that has expired is the end", () =>
    Effect.gen(function* () {
      const [authority, other] = [yield* Certificates.authority, yield* Certificates.authority]
      const relay = yield* authority.issue({ name: "localhost", use: "serverAuth", alternatives: "DNS:localhost" })
      const seen = yield* Queue.unbounded<string>()
      const server = tls.createServer(
        { cert: relay.cert, key: relay.key, ca: authority.ca, requestCert: true, minVersion: "TLSv1.3" },
        (socket) => {
          Queue.offerUnsafe(seen, `${socket.getPeerCertificate().subject.CN}`)
          socket.on("error", () => undefined).end()
        }
      )
      const url = `tls://localhost:${yield* listening(server)}/host/h/s`
      const folder = yield* Relays.temporaryDirectory("renewed")
      const path = (name: string) => Option.some(join(folder, name))
      const show = ({ cert, key }: Certificates.Certificate) => writeFileSync(join(folder, "our.pem"), cert + key)
      writeFileSync(join(folder, "ca.pem"), authority.ca)
      const files = { tlsCa: path("ca.pem"), tlsCert: path("our.pem") }
      const asked = { url, ...none, ...files, tlsName: Option.none(), wait: true, isKnown: true }
      const attach = Effect.flip(Watch.attach(asked, { otherwise: "last" }))
      show(yield* authority.issue({ name: "over", from: "20200101000000Z", to: "20210101000000Z" }))
      const failed = yield* attach
      assert.deepInclude(failed, { _tag: "NotLivePort", refused: "expiry" })
      show(yield* other.issue({ name: "stranger" }))
      yield* Effect.forkScoped(attach)
      show(yield* authority.issue({ name: "renewed" }))
      assert.strictEqual(yield* Queue.take(seen), "renewed")
    })
  )
})

it.live("who waits ends at once by a signal, with the status that says which", () =>
  Effect.gen(function* () {
    const url = `net://127.0.0.1:${yield* Ports.free}/host/h/nobodys`
    const statuses = yield* Effect.forEach(["SIGINT", "SIGTERM"] as const, (signal) =>
      Effect.gen(function* () {
        const follow = yield* Toolbox.start("follow", "--wait", url)
        yield* Process.said(follow, "waiting\n")
        follow.signal(signal)
        return (yield* follow.ended).code
      })
    )
    assert.deepStrictEqual(statuses, [130, 143])
  })
)
