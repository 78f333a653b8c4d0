/**
 * The relay as the daemon starts it, with the operator's port and telemetry around it where they are asked for: what is
 * not asked for is not loaded. All of it lives as long as the daemon's scope.
 */
import { readFileSync } from "node:fs"
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import type { DaemonOptions } from "../config/DaemonOptions.ts"
import { isExportAsked } from "../config/Environment.ts"
import * as HttpPort from "../config/HttpPort.ts"
import * as Relay from "../Relay.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import { packageVersion } from "./PackageVersion.ts"
import type { StartRelay } from "./Serve.ts"

const reasons: Record<string, string> = {
  EADDRINUSE: "Address already in use",
  EACCES: "Permission denied",
  EADDRNOTAVAIL: "Cannot assign requested address"
}

/** One line: what surrounds it is white space. */
const readToken = (path: string | undefined): Effect.Effect<string | undefined, DaemonFailed> =>
  path === undefined
    ? Effect.succeed(undefined)
    : Effect.try({
        try: () => {
          const token = readFileSync(path, "utf8").trim()
          if (token === "") throw new Error("it is empty")
          return token
        },
        catch: (cause) =>
          new DaemonFailed({ message: `Failed to read the HTTP token from ${path}: ${(cause as Error).message}` })
      })

const startHttp = (port: HttpPort.HttpPort, tokenFile: string | undefined) =>
  Effect.gen(function* () {
    const AdminServer = yield* Effect.promise(() => import("../admin/AdminServer.ts"))
    const token = yield* readToken(tokenFile)
    const listen = port._tag === "Unix" ? { path: port.path } : { host: port.host, port: port.port }
    const policy = { token, isLocal: HttpPort.isLocal(port) }
    const where = port._tag === "Unix" ? port.path : `${port.host}:${port.port}`
    yield* Layer.build(AdminServer.layer({ listen, policy })).pipe(
      Effect.catchCause((cause) =>
        Effect.fail(
          new DaemonFailed({ message: `Failed to bind http socket ${where}: ${AdminServer.reasonOf(cause)}` })
        )
      )
    )
  })

/** What only operators need. */
const startAround = (options: DaemonOptions): Effect.Effect<void, DaemonFailed, Relay.Relay | Scope.Scope> =>
  Effect.gen(function* () {
    const { httpPort, httpTokenFile } = options
    const isExported = isExportAsked(process.env)
    if (httpPort === undefined && !isExported) return
    const Telemetry = yield* Effect.promise(() => import("../telemetry/Telemetry.ts"))
    const { output, fdPoolSize } = options.relay
    const version = packageVersion()
    const telemetry = yield* Layer.build(Telemetry.layer({ version, output, descriptorLimit: fdPoolSize }))
    if (httpPort !== undefined) yield* Effect.provideContext(startHttp(httpPort, httpTokenFile), telemetry)
    if (!isExported) return
    const OtlpExport = yield* Effect.promise(() => import("../telemetry/OtlpExport.ts"))
    yield* Effect.provideContext(Layer.build(OtlpExport.layerMetrics(version)), telemetry).pipe(
      Effect.mapError((error) => new DaemonFailed({ message: `Telemetry: ${error.message}` }))
    )
  })

const flags: Readonly<Record<string, string>> = { control: "-C", data: "-D", live: "-L" }

/** Where it was to listen, and the option that says so. */
const placeOf = ({ relay }: DaemonOptions, name: string): string => {
  const { family, host, port } = relay[name as "control" | "data" | "live"]
  const url = family === 6 ? `tcp6://[${host}]:${port}` : `tcp://${host}:${port}`
  return `${url} (${flags[name]}, --${name}-port)`
}

const toDaemonFailed = (options: DaemonOptions) => (error: Relay.ListenFailed | Relay.ConfigInvalid) =>
  new DaemonFailed({
    message:
      error._tag === "ConfigInvalid"
        ? error.message
        : `Failed to bind ${error.port} socket ${placeOf(options, error.port)}: ${reasons[error.code] ?? error.message}`
  })

/** The TLS identity, and how to keep it current. */
const tlsOf = ({ tls }: DaemonOptions) =>
  Effect.gen(function* () {
    if (tls === undefined) return undefined
    const TlsFiles = yield* Effect.promise(() => import("./TlsFiles.ts"))
    const identity = yield* TlsFiles.read(tls)
    return { identity, watch: (relay: Relay.Relay["Service"]) => TlsFiles.watch(tls, relay) }
  })

/** Of every packet and every beacon there is nothing to say. */
const logEvents = (relay: Relay.Relay["Service"]): Effect.Effect<void> =>
  Stream.runForEach(relay.events, ({ _tag, ...fields }) =>
    _tag === "PacketsStored" || _tag === "Beacon" ? Effect.void : Effect.annotateLogs(Effect.logTrace(_tag), fields)
  )

/**
 * With the first connection a target is near: what it will run through is compiled while it introduces itself. A relay
 * that nobody needs yet takes no memory for that.
 */
const warmUp = (options: DaemonOptions, { connected }: Relay.Relay["Service"]) =>
  Effect.gen(function* () {
    yield* connected
    const { rehearse } = yield* Effect.promise(() => import("../Warmup.ts"))
    yield* rehearse(options.relay)
  })

export const startRelay: StartRelay = (options) =>
  Effect.gen(function* () {
    const tls = yield* tlsOf(options)
    const config = { ...options.relay, tls: tls?.identity }
    const context = yield* Layer.build(Relay.layerLenient(config)).pipe(Effect.mapError(toDaemonFailed(options)))
    const relay = Context.get(context, Relay.Relay)
    if (tls !== undefined) yield* tls.watch(relay)
    if (options.verbosity > 1) yield* Effect.forkScoped(logEvents(relay))
    yield* Effect.provideContext(startAround(options), context)
    if (process.env.LTTNG_RELAY_WARM_UP !== "0") yield* Effect.forkScoped(warmUp(options, relay))
    return relay.addresses
  })
