/**
 * The relay as the daemon starts it, with the operator's port and telemetry if they are configured: what is not is not
 * loaded. All of it lives as long as the daemon's scope.
 */
import { Context, Effect, FiberHandle, Layer, Schedule, type Scope, Stream } from "effect"
import type { Operations } from "../admin/Operations.ts"
import type { DaemonOptions } from "../config/DaemonOptions.ts"
import * as ExportVariables from "../config/ExportVariables.ts"
import * as HttpPort from "../config/HttpPort.ts"
import { packageVersion } from "../config/PackageVersion.ts"
import * as RelayConfig from "../config/RelayConfig.ts"
import { ReloadRefused } from "../config/Reloaded.ts"
import * as TextFile from "../config/TextFile.ts"
import * as SystemError from "../errors/SystemError.ts"
import * as Relay from "../Relay.ts"
import * as Priority from "../thread/Priority.ts"
import type { Controls } from "./Controls.ts"
import { DaemonFailed } from "./DaemonFailed.ts"
import * as Refused from "./files/Refused.ts"
import * as Garbage from "./Garbage.ts"
import * as OwnSocket from "./OwnSocket.ts"
import * as Reload from "./Reload.ts"
import type { StartRelay } from "./Serve.ts"
import * as StopSignals from "./StopSignals.ts"

const readToken = (path: string | undefined): Effect.Effect<string | undefined, DaemonFailed> =>
  path === undefined
    ? Effect.succeed(undefined)
    : Effect.try({
        try: () => TextFile.secretOf(path),
        catch: (cause) =>
          new DaemonFailed({
            code: "START_FILE",
            message: `Failed to read the HTTP token from ${path}: ${SystemError.reasonOf(cause)}`
          })
      })

/** What the operator's port needs of a running daemon. */
interface Running {
  readonly controls: Controls
  readonly operations: Operations["Service"]
  /** The token of the HTTP port, as read last. */
  readonly token: () => string | undefined
}

/** Whether the live port shows events only to some of those who reach it. */
const hidesEvents = ({ access, tls }: DaemonOptions): boolean =>
  access !== undefined || (tls?.live === "require" && tls.clientCa !== undefined)

const startHttp = (port: HttpPort.HttpPort, { controls, operations, token }: Running) =>
  Effect.gen(function* () {
    const AdminServer = yield* Effect.promise(() => import("../admin/AdminServer.ts"))
    const { Operations } = yield* Effect.promise(() => import("../admin/Operations.ts"))
    const listen = port._tag === "Unix" ? { path: port.path } : { host: port.host, port: port.port }
    const policy = {
      isLocal: HttpPort.isLocal(port),
      get token() {
        return token()
      },
      get hidesEvents() {
        return hidesEvents(controls.options)
      }
    }
    const names = {
      isLoopback: port._tag === "Tcp" && HttpPort.isLocal(port),
      get hosts() {
        return controls.options.httpHosts
      }
    }
    const where = port._tag === "Unix" ? port.path : `${port.host}:${port.port}`
    const failed = (reason: string) =>
      new DaemonFailed({ code: "START_PORT", message: `Failed to bind http socket ${where} (--http-port): ${reason}` })
    if (port._tag === "Unix") {
      yield* Effect.tryPromise({
        try: () => OwnSocket.clear(port.path),
        catch: (cause) => failed(SystemError.reasonOf(cause))
      })
    }
    const { relay, tls } = controls.options
    const hasDoors = tls !== undefined || (relay.proxyFrom ?? []).length > 0
    yield* Layer.build(AdminServer.layer({ listen, policy, names, hasDoors, descriptorLimit: relay.fdPoolSize })).pipe(
      Effect.provideService(Operations, operations),
      Effect.catchCause((cause) => Effect.fail(failed(AdminServer.reasonOf(cause))))
    )
  })

const refusal = ({ message }: { readonly message: string }) => new ReloadRefused({ reasons: [message] })

/** The access rules, and how to keep them current; undefined: there are none. */
const accessOf = ({ access: path }: DaemonOptions) =>
  Effect.gen(function* () {
    if (path === undefined) return undefined
    const AccessRules = yield* Effect.promise(() => import("./files/AccessRules.ts"))
    const file = yield* AccessRules.read(path)
    return { file, watch: (relay: Relay.Relay["Service"]) => AccessRules.watch(path, relay) }
  })

/** The TLS identity, and how to keep it current; undefined: there is no TLS. */
const tlsOf = ({ tls }: DaemonOptions) =>
  Effect.gen(function* () {
    if (tls === undefined) return undefined
    const TlsFiles = yield* Effect.promise(() => import("./files/TlsFiles.ts"))
    const identity = yield* TlsFiles.read(tls)
    return { identity, watch: (relay: Relay.Relay["Service"]) => TlsFiles.watch(tls, relay) }
  })

/** Makes what signals and the operator's port can ask for, and has SIGHUP reload. */
const run = (controls: Controls, relay: Relay.Relay["Service"]) =>
  Effect.gen(function* () {
    const { args, directory, log, output } = controls
    const telling = yield* FiberHandle.make<void>()
    const setVerbosity = (verbosity: number) =>
      Effect.suspend(() => {
        log.verbosity = verbosity
        return verbosity > 1
          ? FiberHandle.run(telling, logEvents(relay), { onlyIfMissing: true })
          : FiberHandle.clear(telling)
      })
    let token = yield* readToken(controls.options.httpTokenFile)
    const apply = (options: DaemonOptions) =>
      Effect.gen(function* () {
        yield* Effect.mapError(RelayConfig.check(options.relay), refusal)
        const newToken = yield* Effect.mapError(readToken(options.httpTokenFile), refusal)
        const access = yield* Effect.mapError(accessOf(options), refusal)
        const tls = yield* Effect.mapError(tlsOf(options), refusal)
        const prepared = yield* Effect.try({
          try: () => output.prepare(options.logFile),
          catch: (cause) => refusal(cause as Error)
        })
        // Only the first can fail: rules and limits have been checked.
        const inForce = Effect.gen(function* () {
          if (tls !== undefined) yield* relay.replaceTls(tls.identity)
          if (access !== undefined) yield* relay.replaceAccess(access.file)
          yield* relay.setLimits(Reload.limitsOf(options))
        })
        yield* inForce.pipe(
          Effect.tapError(() => Effect.sync(prepared.discard)),
          Effect.mapError(refusal)
        )
        // In one turn, since whatever opens the log file again takes its path from the options.
        prepared.use()
        token = newToken
        log.format = options.logFormat
        controls.options = options
        yield* setVerbosity(options.verbosity)
      })
    const reload = Reload.make({ args, directory, options: () => controls.options, apply })
    const context = yield* Effect.context<never>()
    yield* setVerbosity(log.verbosity)
    // Nobody waits for a signal's outcome: the log tells it.
    StopSignals.onHangup(() => void Effect.runForkWith(context)(Effect.ignore(reload)))
    const operations: Running["operations"] = {
      reload,
      verbosity: Effect.sync(() => log.verbosity),
      setVerbosity: (verbosity) => Effect.asVoid(setVerbosity(verbosity)),
      configuration: Effect.sync(() => JSON.parse(JSON.stringify(controls.options))),
      lastLines: Effect.sync(() => [...log.lastLines])
    }
    return { controls, operations, token: () => token }
  })

/** Starts what only operators need: the HTTP port and the export of metrics, if they are configured. */
const startAround = (running: Running): Effect.Effect<void, DaemonFailed, Relay.Relay | Scope.Scope> =>
  Effect.gen(function* () {
    const { options } = running.controls
    const { httpPort } = options
    const isExported = ExportVariables.isExportAsked(process.env)
    if (httpPort === undefined && !isExported) return
    const Telemetry = yield* Effect.promise(() => import("../telemetry/Telemetry.ts"))
    const { output, fdPoolSize } = options.relay
    const version = packageVersion()
    const telemetry = yield* Layer.build(
      Telemetry.layer({ version, output, descriptorLimit: fdPoolSize, refusedFiles: Refused.all })
    )
    if (httpPort !== undefined) yield* Effect.provideContext(startHttp(httpPort, running), telemetry)
    if (!isExported) return
    const OtlpExport = yield* Effect.promise(() => import("../telemetry/OtlpExport.ts"))
    yield* Effect.provideContext(Layer.build(OtlpExport.layerMetrics(version)), telemetry).pipe(Effect.orDie)
  })

const flags: Readonly<Record<string, string>> = { control: "-C", data: "-D", live: "-L" }

/** Where a port was to listen, and the options that say so. */
const placeOf = ({ relay }: DaemonOptions, name: string): string => {
  const { descriptor, family, host, port } = relay[name as "control" | "data" | "live"]
  if (descriptor !== undefined) return `of the service manager, descriptor ${descriptor}, no TCP socket that can listen`
  const url = family === 6 ? `tcp6://[${host}]:${port}` : `tcp://${host}:${port}`
  return `${url} (${flags[name]}, --${name}-port)`
}

const codeOf = (error: Relay.ListenFailed | Relay.ConfigInvalid) => {
  if (error._tag !== "ConfigInvalid") return "START_PORT"
  return error.reason.startsWith("output") ? "START_OUTPUT" : "START_OPTION"
}

const toDaemonFailed = (options: DaemonOptions) => (error: Relay.ListenFailed | Relay.ConfigInvalid) =>
  new DaemonFailed({
    code: codeOf(error),
    message:
      error._tag === "ConfigInvalid"
        ? error.message
        : `Failed to bind ${error.port} socket ${placeOf(options, error.port)}: ${SystemError.reasonOf(error)}`
  })

/** Logs the relay's events, except those that come with every packet and beacon. */
const logEvents = (relay: Relay.Relay["Service"]): Effect.Effect<void> =>
  Stream.runForEach(relay.events, ({ _tag, ...fields }) =>
    _tag === "PacketsStored" || _tag === "Beacon" ? Effect.void : Effect.annotateLogs(Effect.logTrace(_tag), fields)
  )

/** After so many packets the targets themselves have done what a rehearsal is for. */
const rehearsedByTargets = 100

/**
 * Rehearses at the first connection: a target is near, and the code for its packets is compiled while it introduces
 * itself. A relay that nobody needs yet takes no memory for that.
 */
const warmUp = (options: DaemonOptions, { connected, counters }: Relay.Relay["Service"]) =>
  Effect.gen(function* () {
    yield* connected
    const { rehearse } = yield* Effect.tryPromise(() => import("../Warmup.ts"))
    yield* rehearse(
      options.relay,
      Effect.map(counters, ({ packetCount }) => packetCount > rehearsedByTargets)
    )
  })

/** The same for what edges bring, until there is a session. */
const warmUpForEdges = ({ sessions }: Relay.Relay["Service"]) =>
  Effect.gen(function* () {
    const { rehearse } = yield* Effect.tryPromise(() => import("../edge/Rehearsal.ts"))
    yield* rehearse(Effect.map(sessions, ({ length }) => length > 0))
  })

const priorityLookInterval = "200 millis"

/**
 * Rehearses, and sets the loop's priority. A rehearsal runs at ordinary priority: nobody waits for it, and the target
 * that is near needs the processor. After it the priority is raised. Edges wait for no answer, and send more at a time
 * if they are not interrupted for each piece: so it is lowered again while all sessions come by edges. A rehearsal's
 * code is loaded when it is needed: if the package was upgraded meanwhile it is gone, and the rest happens without.
 */
const prepare = (options: DaemonOptions, relay: Relay.Relay["Service"]) =>
  Effect.gen(function* () {
    const priority = Priority.make(options.priorityBoost)
    const isRehearsing = process.env.LTTNG_RELAY_WARM_UP !== "0"
    if (isRehearsing) yield* Effect.ignore(warmUp(options, relay))
    yield* Effect.sync(priority.raise)
    yield* relay.edgeAsked
    yield* Effect.sync(priority.lower)
    if (isRehearsing) yield* Effect.ignore(warmUpForEdges(relay))
    const look = Effect.gen(function* () {
      const { sessionCount: direct } = yield* relay.drain.status
      const { sessionCount } = yield* relay.counters
      if (direct === 0 && sessionCount > 0) priority.lower()
      else priority.raise()
    })
    yield* Effect.repeat(look, Schedule.spaced(priorityLookInterval))
  })

export const startRelay: StartRelay = (options, controls) =>
  Effect.gen(function* () {
    const [complaint] = ExportVariables.complaints(process.env)
    if (complaint !== undefined) return yield* new DaemonFailed({ code: "START_EXPORT", message: complaint })
    const tls = yield* tlsOf(options)
    const access = yield* accessOf(options)
    const config = { ...options.relay, tls: tls?.identity, access: access?.file }
    const context = yield* Layer.build(Relay.layerLenient(config)).pipe(Effect.mapError(toDaemonFailed(options)))
    const relay = Context.get(context, Relay.Relay)
    if (tls !== undefined) yield* tls.watch(relay)
    if (access !== undefined) yield* access.watch(relay)
    yield* Effect.provideContext(startAround(yield* run(controls, relay)), context)
    yield* Effect.forkScoped(prepare(options, relay))
    yield* Effect.forkScoped(Garbage.watch(Effect.map(relay.counters, ({ sessionCount }) => sessionCount)))
    const recorded = Effect.map(relay.sessions, (sessions) => sessions.map(({ outputPath }) => outputPath))
    return { addresses: relay.addresses, recorded }
  })
