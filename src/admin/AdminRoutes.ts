/**
 * The operator's API of a relay in a program, as routes of the program's own HTTP server: what `lttng-relay top`,
 * `drain` and collectors of metrics ask for. The page and what belongs to a daemon (log, options) are not among them.
 *
 *     HttpRouter.serve(Layer.mergeAll(ownRoutes, AdminRoutes.layer({ config, token })))
 */
import { Deferred, Effect, type FileSystem, Layer, Option, type Path } from "effect"
import { type Etag, type HttpPlatform, HttpRouter } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { packageVersion } from "../config/PackageVersion.ts"
import type { RelayConfig } from "../config/RelayConfig.ts"
import { Relay } from "../Relay.ts"
import * as History from "../telemetry/History.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import { RelayApi } from "./AdminApi.ts"
import * as Authorization from "./Authorization.ts"
import * as Elsewhere from "./Elsewhere.ts"
import { Closing, endFirst } from "./Endless.ts"
import * as Handlers from "./Handlers.ts"
import * as Routes from "./Routes.ts"

/** The relay's configuration, and who may ask. */
export interface Options {
  /** The configuration that the relay was made with. */
  readonly config: Pick<RelayConfig, "output" | "fdPoolSize">
  /** Whoever sends this as a bearer token may do everything. Absent or empty: nobody may change anything. */
  readonly token?: string | undefined
  /**
   * True: everybody whom the server answers may read which sessions there are, but not their events. This is for a
   * server that only this machine reaches, or one that checks clients itself. False by default.
   */
  readonly isOpen?: boolean
  /**
   * Host names, in lower case, by which clients may ask an open server, besides those of this machine: a browser that
   * asks by any other may do so for a page of somebody else (DNS rebinding).
   */
  readonly hosts?: ReadonlyArray<string>
}

/**
 * Routes `/api/v1`, `/metrics`, `/livez` and `/readyz`. At the end the server waits for answers without an end
 * (`/api/v1/events`) as long as its `gracefulShutdownTimeout`, unless it is served with `endFeedsFirst`.
 */
export const layer = ({
  config,
  hosts = [],
  isOpen = false,
  token
}: Options): Layer.Layer<
  never,
  never,
  Relay | HttpRouter.HttpRouter | Etag.Generator | FileSystem.FileSystem | HttpPlatform.HttpPlatform | Path.Path
> => {
  const policy = { token, isLocal: isOpen, hidesEvents: true }
  const authorization = { policy, visitorOf: () => undefined }
  const closing = Layer.effect(
    Closing,
    Effect.flatMap(Effect.serviceOption(Closing), (outer) =>
      Option.isSome(outer)
        ? Effect.succeed(outer.value)
        : Effect.acquireRelease(Deferred.make<void>(), (closed) => Deferred.succeed(closed, undefined))
    )
  )
  const api = HttpApiBuilder.layer(RelayApi).pipe(
    Layer.provide([Handlers.sessions, Handlers.relay]),
    Layer.provide([Authorization.layer(authorization), Elsewhere.understanding])
  )
  const services = Layer.mergeAll(
    Layer.effect(Relay, Relay),
    History.History.layer,
    Telemetry.layer({ version: packageVersion(), output: config.output, descriptorLimit: config.fdPoolSize })
  )
  const routes = Layer.mergeAll(api, Routes.metrics(authorization), Routes.livez, Routes.readyz()).pipe(
    Layer.provide(Routes.meant({ isLoopback: isOpen, hosts })),
    HttpRouter.provideRequest(services),
    Layer.provide([services, closing])
  )
  // Handlers and routes are values of their modules, built once for all that use them: for the first relay alone.
  return Layer.effectDiscard(Layer.build(Layer.fresh(routes)))
}

/**
 * Around what serves the routes: when its scope closes, answers without an end are ended before the server waits for
 * its answers.
 *
 *     HttpRouter.serve(routes).pipe(AdminRoutes.endFeedsFirst, Layer.provide(server))
 */
export const endFeedsFirst: <A, E, R>(served: Layer.Layer<A, E, R>) => Layer.Layer<A, E, R> = endFirst
