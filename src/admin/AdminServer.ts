/**
 * The operator's HTTP port: health, metrics, the API. Loaded only where it is asked for.
 *
 * It shares the loop with the relay, so everything that a client can make it do or hold is bounded: connections,
 * headers, bodies, and how long each may take.
 */
import type { ListenOptions } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { ByteSize, Cause, Deferred, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpRouter, type HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Relay } from "../Relay.ts"
import * as Exposition from "../telemetry/Exposition.ts"
import * as History from "../telemetry/History.ts"
import { Telemetry } from "../telemetry/Telemetry.ts"
import { AdminApi } from "./AdminApi.ts"
import * as Authorization from "./Authorization.ts"
import { Closing } from "./Closing.ts"
import * as Crowd from "./Crowd.ts"
import * as Entrance from "./Entrance.ts"
import * as Handlers from "./Handlers.ts"
import type { Operations } from "./Operations.ts"
import * as Origin from "./Origin.ts"
import * as PageFiles from "./PageFiles.ts"
import { type Check, readiness } from "./Readiness.ts"

export interface Options {
  /** `{ host, port }` or `{ path }` of a unix socket. */
  readonly listen: ListenOptions
  readonly policy: Authorization.Policy
  readonly names: Origin.Names
  /** What it takes to be ready beside what a relay needs. */
  readonly moreChecks?: (() => ReadonlyArray<Check>) | undefined
}

type RouteOptions = Authorization.Options & Pick<Options, "moreChecks" | "names">

const connectionCountMax = 64
/** Nobody who waits for an answer asks for more than a few things meanwhile. */
const waitingCountMax = 8
/** Ten pages ask as much. */
const requestsPerSecond = 20
/** A page and a report of a fault ask a dozen things at once. */
const burstCount = 100
const headerMillisMax = 5_000
const requestMillisMax = 30_000
const headerBytesMax = 8 * 1024
/** The status of what is asked by a wrong name. */
const misdirected = 421
const headerCountMax = 64
/** The largest request is some numbers. */
const bodyBytesMax = 64 * 1024
/** A client that takes nothing of its answer for so long is gone. Answers without an end have a heartbeat. */
const silenceMillisMax = 30_000
const stopTimeout = "1 second"

const server = (): Crowd.CrowdServer => {
  const made = new Crowd.CrowdServer(
    {
      headersTimeout: headerMillisMax,
      requestTimeout: requestMillisMax,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: headerBytesMax,
      keepAliveTimeout: headerMillisMax
    },
    { connectionCountMax, waitingCountMax, requestsPerSecond, burstCount }
  )
  made.timeout = silenceMillisMax
  made.maxHeadersCount = headerCountMax
  return made
}

/** Somebody answers: the loop turns. */
const livez = HttpRouter.add("GET", "/livez", HttpServerResponse.text("ok\n"))

const readyz = (moreChecks: RouteOptions["moreChecks"] = () => []) =>
  HttpRouter.add(
    "GET",
    "/readyz",
    Effect.gen(function* () {
      const { process } = yield* Telemetry
      const { drain } = yield* Relay
      const answer = readiness({ ...(yield* process), ...(yield* drain.status) }, moreChecks())
      return yield* HttpServerResponse.json(answer, { status: answer.isReady ? 200 : 503 })
    }).pipe(Effect.orDie)
  )

const metrics = HttpRouter.add(
  "GET",
  "/metrics",
  Effect.gen(function* () {
    const { samples } = yield* Telemetry
    return HttpServerResponse.stream(Exposition.stream(yield* samples), { contentType: Exposition.contentType })
  })
)

const contentPolicy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:",
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
].join("; ")

/** To other ports, or through a proxy, nobody comes but by the names of those. */
const anyName: Origin.Names = { isLoopback: false, hosts: [] }

/** Of every answer, whichever route made it. */
const safeguards = ({ names, visitorOf }: RouteOptions) =>
  HttpRouter.middleware(
    (answer) =>
      Effect.map(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
          const isNear = Authorization.visitorAt(visitorOf, request)?.isDirect !== false
          const refusal = Origin.refusal(isNear ? names : anyName, request.headers)
          return refusal === undefined
            ? answer
            : Effect.succeed(HttpServerResponse.text(refusal, { status: misdirected }))
        }),
        HttpServerResponse.setHeaders({
          "content-security-policy": contentPolicy,
          "cross-origin-resource-policy": "same-origin",
          "referrer-policy": "no-referrer",
          "x-content-type-options": "nosniff",
          "cache-control": "no-store"
        })
      ),
    { global: true }
  )

const nothingHere = HttpRouter.add("*", "/*", HttpServerResponse.empty({ status: 404 }))

/** Everything but the page. */
export const routes = (options: RouteOptions) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(AdminApi, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide([Handlers.sessions, Handlers.relay, Handlers.daemon]),
      Layer.provide(Authorization.layer(options))
    ),
    metrics.pipe(Layer.provide(Authorization.guard(options).layer)),
    livez,
    readyz(options.moreChecks),
    safeguards(options),
    nothingHere
  )

/** Why the port could not be opened, in one line. */
export const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return inner instanceof Error ? inner.message : String(inner)
}

/** Serves until the scope closes. The bound address is that of `HttpServer`. */
export const layer = (options: Options): Layer.Layer<HttpServer.HttpServer, unknown, Relay | Telemetry | Operations> =>
  Layer.unwrap(Effect.map(Entrance.make(server()), (entrance) => serving(options, entrance)))

const serving = ({ listen, moreChecks, names, policy }: Options, { server, visitorOf }: Entrance.Entrance) => {
  const asked = Layer.mergeAll(routes({ policy, names, visitorOf, moreChecks }), ...PageFiles.routes())
  const closing = Deferred.makeUnsafe<void>()
  const served = HttpRouter.serve(asked, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provide([
      History.History.layer,
      Layer.succeed(Closing, closing),
      Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(bodyBytesMax))
    ]),
    Layer.provideMerge(NodeHttpServer.layer(() => server, { gracefulShutdownTimeout: stopTimeout, ...listen }))
  )
  // Built last, so it goes first: otherwise an answer without an end takes the whole timeout.
  return Layer.effectDiscard(Effect.addFinalizer(() => Deferred.succeed(closing, undefined))).pipe(
    Layer.provideMerge(served)
  )
}
