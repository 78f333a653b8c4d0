/**
 * An operator of a simulated world: asks the relay's HTTP routes, as a page and a scraper do, while everything goes
 * wrong; sometimes ends a session or a connection. The routes are those that are served; only the socket is not there.
 */
import { assert } from "@effect/vitest"
import { Cause, Deferred, Effect, FileSystem, Layer, Path, Stream } from "effect"
import { Etag, HttpPlatform, HttpRouter, HttpServerRequest } from "effect/http"
import * as AdminServer from "../../../src/admin/AdminServer.ts"
import { Closing } from "../../../src/admin/Endless.ts"
import { Operations } from "../../../src/admin/Operations.ts"
import * as Machine from "../../../src/Machine.ts"
import { Relay } from "../../../src/Relay.ts"
import * as Drain from "../../../src/relay/Drain.ts"
import type { Registry } from "../../../src/relay/Registry.ts"
import * as Snapshot from "../../../src/relay/Snapshot.ts"
import * as History from "../../../src/telemetry/History.ts"
import { steps } from "../../../src/telemetry/Reading.ts"
import { Telemetry } from "../../../src/telemetry/Telemetry.ts"
import { operations } from "../../admin/ports.ts"
import type { Random } from "../../support/Random.ts"

const paths = [
  ...["sessions", "sessions?sort=-name&limit=1", "sessions/1", "sessions/1/history", "overview", "connections"],
  ...["counters", "activity", "drain", "connections/closed", "devices"]
].map((path) => `/api/v1/${path}`)

/** Of it only what operators ask. */
const relayOf = (registry: Registry["Service"]) =>
  Effect.map(
    Drain.make(registry),
    (drain) =>
      ({
        drain,
        events: registry.events.stream,
        hearEvents: (listener: Parameters<Relay["Service"]["hearEvents"]>[0]) => registry.events.heard(listener),
        sessions: Effect.sync(() => Snapshot.sessions(registry)),
        counters: Effect.sync(() => Snapshot.counters(registry)),
        connections: Effect.sync(() => Snapshot.connections(registry)),
        closedConnections: Effect.sync(() => Snapshot.closedConnections(registry)),
        activity: Effect.sync(() => Snapshot.activity(registry)),
        devices: Effect.sync(() => Snapshot.devices(registry)),
        tlsEnds: Effect.succeed(undefined),
        endConnection: (id: number) => Effect.sync(() => registry.tally.connections.end(id, "ended by program")),
        endSession: (id: number) => registry.end(id, "ended by program")
      }) as unknown as Relay["Service"]
  )

const noProcess = {
  version: "0",
  node: "0",
  startSeconds: 0,
  cpuUserSeconds: 0,
  cpuSystemSeconds: 0,
  residentBytes: 0,
  heapBytes: 0,
  loopDelay: { median: 0, p99: 0, max: 0 },
  openDescriptors: 0,
  descriptorLimit: 100
}

const telemetryOf = (registry: Registry["Service"], { drain }: Relay["Service"]) => {
  const samples = Effect.gen(function* () {
    const work = steps({
      nowMillis: Machine.wallMillis(),
      counters: Snapshot.counters(registry),
      sessions: Snapshot.sessions(registry),
      activity: Snapshot.activity(registry),
      drain: yield* drain.status,
      devices: [],
      tlsEnds: undefined,
      process: noProcess,
      seriesMax: 2000,
      more: []
    })
    for (;;) {
      const { done, value } = work.next()
      if (done === true) return value
      yield* Effect.yieldNow
    }
  })
  const state = Effect.succeed(noProcess)
  return Telemetry.of({ samples: () => samples, process: state, state, devices: Effect.succeed([]) })
}

/** Answers the status. */
type Ask = (method: string, path: string) => Effect.Effect<number>

export class Operator {
  requestCount = 0
  /** Sessions and connections that it ended. */
  endedCount = 0
  readonly #random: Random
  readonly #ask: Ask

  private constructor(random: Random, ask: Ask) {
    this.#random = random
    this.#ask = ask
  }

  static readonly open = (registry: Registry["Service"], random: Random) =>
    Effect.gen(function* () {
      const relay = yield* relayOf(registry)
      const routes = AdminServer.routes({
        policy: { token: undefined, isLocal: true, hidesEvents: false },
        names: { isLoopback: true, hosts: [] },
        visitorOf: () => undefined,
        moreChecks: undefined
      })
      const answer = yield* HttpRouter.toHttpEffect(
        routes.pipe(
          Layer.provide([
            History.History.layer,
            Layer.succeed(Closing, Deferred.makeUnsafe<void>()),
            Layer.succeed(Operations, operations),
            Etag.layer,
            HttpPlatform.layer
          ]),
          // No route reads a file.
          Layer.provide([Etag.layer, FileSystem.layerNoop({}), Path.layer]),
          Layer.provide([Layer.succeed(Relay, relay), Layer.succeed(Telemetry, telemetryOf(registry, relay))])
        )
      )
      const ask = (method: string, path: string) =>
        Effect.gen(function* () {
          const request = HttpServerRequest.fromWeb(new Request(`http://localhost${path}`, { method }))
          const { body, status } = yield* Effect.provideService(answer, HttpServerRequest.HttpServerRequest, request)
          if (body._tag === "Stream") yield* Stream.runDrain(body.stream)
          return status
        }).pipe(
          Effect.scoped,
          Effect.catchCause((cause) => Effect.die(new Error(`${method} ${path}: ${Cause.pretty(cause)}`)))
        )
      return new Operator(random, ask as Ask)
    })

  /** Until the world ends. `mayEnd`: sessions and connections. */
  work(mayEnd: () => boolean): Effect.Effect<never> {
    return Effect.forever(
      Effect.gen({ self: this }, function* () {
        yield* Effect.sleep(this.#random.between(50, 3000))
        this.requestCount++
        if (mayEnd() && this.#random.chance(0.02)) {
          const what = this.#random.pick(["sessions", "connections"])
          const status = yield* this.#ask("DELETE", `/api/v1/${what}/${this.#random.between(1, 12)}`)
          assert.include([204, 404], status)
          if (status === 204) this.endedCount++
          return
        }
        const status = yield* this.#ask("GET", this.#random.pick([...paths, "/metrics", "/readyz", "/livez"]))
        assert.include([200, 404, 503], status)
      })
    )
  }
}
