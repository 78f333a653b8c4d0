/**
 * The operator's HTTP port: health, metrics, the API and the page. Loaded only if it is configured.
 *
 * It answers on the relay's loop, so everything that a client can make it do or hold is bounded. Connections are in a
 * thread of their own, except where they come by the relay's doors.
 */
import type { ListenOptions } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { ByteSize, Cause, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpRouter, type HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import * as SystemError from "../errors/SystemError.ts"
import type { Relay } from "../Relay.ts"
import * as History from "../telemetry/History.ts"
import type { Telemetry } from "../telemetry/Telemetry.ts"
import { AdminApi } from "./AdminApi.ts"
import * as Authorization from "./Authorization.ts"
import * as Elsewhere from "./Elsewhere.ts"
import * as Endless from "./Endless.ts"
import * as Handlers from "./Handlers.ts"
import type { Operations } from "./Operations.ts"
import * as Origin from "./Origin.ts"
import * as PageFiles from "./PageFiles.ts"
import * as Bounds from "./port/Bounds.ts"
import * as Entrance from "./port/Entrance.ts"
import * as PortServer from "./port/PortServer.ts"
import { letReadersIn } from "./port/SocketMode.ts"
import type { Check } from "./Readiness.ts"
import * as Routes from "./Routes.ts"

export interface Options {
  /** `{ host, port }` or `{ path }` of a unix socket. */
  readonly listen: ListenOptions
  readonly policy: Authorization.Policy
  readonly names: Origin.Names
  /** Checks of readiness besides those of every relay. */
  readonly moreChecks?: (() => ReadonlyArray<Check>) | undefined
  /** True: connections come by the relay's doors, with TLS or a proxy's header. */
  readonly hasDoors: boolean
  /** The most descriptors that the process may open. */
  readonly descriptorLimit: number
}

type RouteOptions = Authorization.Options & Pick<Options, "moreChecks" | "names">

const unauthorized = 401
const stopTimeout = "1 second"

const contentPolicy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:",
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
].join("; ")

/** Accepts any name: for requests that come to other ports or through a proxy, which have names of their own. */
const anyName: Origin.Names = { isLoopback: false, hosts: [] }

const safeHeaders = {
  "content-security-policy": contentPolicy,
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store"
}

/** Gives every answer, whichever route made it, headers that restrict browsers; refuses requests not meant for us. */
const safeguards = ({ names, visitorOf }: RouteOptions) =>
  HttpRouter.middleware(
    (answer) =>
      Effect.map(
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
          const isNear = Authorization.visitorAt(visitorOf, request)?.isDirect !== false
          return Routes.unless(Origin.refusal(isNear ? names : anyName, request.headers), Elsewhere.contained(answer))
        }),
        (response) =>
          HttpServerResponse.setHeaders(response, {
            ...(response.status === unauthorized && { "www-authenticate": "Bearer" }),
            ...safeHeaders
          })
      ),
    { global: true }
  )

/** All routes but the page's. */
export const routes = (options: RouteOptions) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(AdminApi, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide([Handlers.sessions, Handlers.relay, Handlers.daemon]),
      Layer.provide([Authorization.layer(options), Elsewhere.understanding])
    ),
    Routes.metrics(options),
    Routes.livez,
    Routes.readyz(options.moreChecks),
    safeguards(options),
    Elsewhere.route
  )

/** Why the port could not be opened, in one line. */
export const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return SystemError.reasonOf(inner)
}

/** The HTTP server: its connections come by the relay's doors, or are in a thread that has none of them. */
const entered = ({ descriptorLimit, hasDoors, listen }: Options) =>
  Effect.gen(function* () {
    if (!hasDoors) {
      const start = { listen, connectionCountMax: Bounds.connectionCountMaxOf(descriptorLimit) }
      const layer = Layer.provideMerge(PortServer.layer(start), NodeHttpServer.layerHttpServices)
      return { layer, visitorOf: () => undefined }
    }
    const { server, visitorOf } = yield* Entrance.make(Bounds.server(Bounds.doorConnectionCountMax))
    server.on("listening", () => letReadersIn(server))
    return { layer: NodeHttpServer.layer(() => server, { gracefulShutdownTimeout: stopTimeout, ...listen }), visitorOf }
  })

/** Serves until the scope closes. `HttpServer` knows the bound address. */
export const layer = (options: Options): Layer.Layer<HttpServer.HttpServer, unknown, Relay | Telemetry | Operations> =>
  Layer.unwrap(
    Effect.map(entered(options), ({ layer, visitorOf }) => {
      const { moreChecks, names, policy } = options
      // The page comes before the route that takes what no other does.
      const page = Layer.mergeAll(Layer.empty, ...PageFiles.routes())
      const asked = Layer.mergeAll(page, routes({ policy, names, visitorOf, moreChecks }))
      const served = HttpRouter.serve(asked, { disableLogger: true, disableListenLog: true }).pipe(
        Layer.provide([
          History.History.layer,
          Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(Bounds.bodyBytesMax))
        ]),
        Layer.provideMerge(layer)
      )
      return Endless.endFirst(served)
    })
  )
