/**
 * The relay, composed: three ports over one registry over one store. Layers are built in the order storage, registry,
 * listeners, so that stopping goes the other way: listeners close first, sessions drain, files close last.
 */
import { Config, Context, Effect, Layer, type Scope, type Stream } from "effect"
import { type AccessFile, rightsOf } from "./access/Access.ts"
import * as Descriptors from "./config/Descriptors.ts"
import * as FromEnvironment from "./config/FromEnvironment.ts"
import { ConfigInvalid, check, checkAccess, checkDeadline, type RelayConfig } from "./config/RelayConfig.ts"
import { defaults } from "./config/RelayDefaults.ts"
import * as ControlConnection from "./connection/ControlConnection.ts"
import * as DataConnection from "./connection/DataConnection.ts"
import type * as HttpEntrance from "./connection/HttpEntrance.ts"
import { restore } from "./connection/journal/Restoration.ts"
import * as Report from "./errors/Report.ts"
import * as Ports from "./Ports.ts"
import * as Draining from "./relay/Drain.ts"
import type { RelayEvent } from "./relay/Events.ts"
import * as Admissions from "./relay/party/Admission.ts"
import { Registry } from "./relay/Registry.ts"
import * as Snapshot from "./relay/Snapshot.ts"
import type * as Status from "./relay/Status.ts"
import * as DiskFiles from "./storage/DiskFiles.ts"
import type { Files } from "./storage/Files.ts"
import { TraceStore } from "./storage/TraceStore.ts"
import type { Link } from "./transport/Dial.ts"
import type { Accepted } from "./transport/Door.ts"
import type { ConnectionLimit, ListenFailed } from "./transport/Listener.ts"
import type { ServerIdentity } from "./transport/tls/Tls.ts"
import type { TlsRefused } from "./transport/tls/TlsRefused.ts"
import type { Handshakes, Ends as TlsEnds } from "./transport/tls/TlsTerminal.ts"

export { ConfigInvalid } from "./config/RelayConfig.ts"
export type { Visitor } from "./connection/HttpEntrance.ts"
export type { Names, Viewpoint } from "./relay/party/Viewpoint.ts"
export { ListenFailed } from "./transport/Listener.ts"
export type { MinVersion, ServerIdentity } from "./transport/tls/Tls.ts"
export { TlsRefused } from "./transport/tls/TlsRefused.ts"
export type { Ends as TlsEnds, Handshakes } from "./transport/tls/TlsTerminal.ts"

/** The limits that can be changed while the relay runs. */
export type Limits = Pick<
  RelayConfig,
  "connectionCountMax" | "journalCountMax" | "memoryBytesMax" | "stopTimeoutMillis" | "singleViewer" | "allowClear"
>

/** Where a port listens: the address and port number that the system gave. */
export interface BoundAddress {
  readonly host: string
  readonly port: number
}

/** Refuses new sessions until those that are left have ended. */
export interface Drain extends Omit<Draining.Drain, "begin"> {
  /** Begins. Sessions left after `deadlineMillis` are ended; undefined: they are waited for. The newest call holds. */
  readonly begin: (deadlineMillis?: number) => Effect.Effect<void, ConfigInvalid>
}

/**
 * A running relay. It stops with its scope: listeners first, then sessions are drained, for `stopTimeoutMillis`. A disk
 * that hangs holds up the scope for longer: a write in flight cannot be recalled.
 */
export class Relay extends Context.Service<
  Relay,
  {
    readonly addresses: { readonly control: BoundAddress; readonly data: BoundAddress; readonly live: BoundAddress }
    /** The sessions with their streams, as they are now. */
    readonly sessions: Effect.Effect<ReadonlyArray<Status.SessionStatus>>
    readonly counters: Effect.Effect<Status.Counters>
    /** Completes with the first connection to any of the three ports. */
    readonly connected: Effect.Effect<void>
    /** Completes when the first edge has asked whether this relay takes journals. */
    readonly edgeAsked: Effect.Effect<void>
    /** Open connections of the three ports. */
    readonly connections: Effect.Effect<ReadonlyArray<Status.ConnectionStatus>>
    /** The last connections that ended, the newest last. */
    readonly closedConnections: Effect.Effect<ReadonlyArray<Status.ConnectionStatus>>
    /** What connections have done since the relay started. */
    readonly activity: Effect.Effect<Status.Activity>
    /** What is going on at the devices that traces are on. */
    readonly devices: Effect.Effect<Status.Devices>
    /** Events from now on, until the relay ends; a slow subscriber loses the oldest ones. */
    readonly events: Stream.Stream<RelayEvent>
    /**
     * The same at a hundredth of the cost: `listener` is called in the turn in which something happens, a hundred
     * thousand times a second on a busy relay, for as long as the scope is open. It must not take long; if
     * it throws, it hears nothing more, which the log tells (`LISTENER_DEFECT`).
     */
    readonly hearEvents: (listener: (event: RelayEvent) => void) => Effect.Effect<void, never, Scope.Scope>
    /**
     * A viewer's connection from inside the process, for `LiveViewer.over`: without a port, TLS or rules for access.
     * The caller decides who may see what it shows.
     */
    readonly openLive: Effect.Effect<Link, never, Scope.Scope>
    /**
     * Ends a session as a lost connection does: what was received stays, files are complete when it returns. False:
     * there is no such session.
     */
    readonly endSession: (id: number) => Effect.Effect<boolean>
    /** Ends a connection, and with it the session it belongs to; a viewer is only cut off. False: it is gone. */
    readonly endConnection: (id: number) => Effect.Effect<boolean>
    /** Changes some limits. A lower one takes nothing from those who have more already; attached viewers stay. */
    readonly setLimits: (limits: Partial<Limits>) => Effect.Effect<void, ConfigInvalid>
    /** Refuses new sessions; see `Drain`. */
    readonly drain: Drain
    /**
     * Refuses a host from now on: connections from that address (at the operator's port only where it takes TLS or
     * knows proxies), sessions that give it as their host name. Its open connections and sessions go on. Undone when
     * the scope closes.
     */
    readonly refuseHost: (host: string) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Replaces the rules of access, from the next command on, also of open connections; undefined: everybody may do
     * everything. Fails and changes nothing if the rules are not valid.
     */
    readonly replaceAccess: (access: AccessFile | undefined) => Effect.Effect<void, ConfigInvalid>
    /**
     * Handshakes from now on use this certificate; connections go on. Fails and changes nothing if it cannot be used,
     * or the relay was made without TLS.
     */
    readonly replaceTls: (identity: ServerIdentity) => Effect.Effect<void, TlsRefused>
    /** What sessions received that have ended while others of the same host and name go on. */
    readonly endedNamesakes: Effect.Effect<ReadonlyArray<Status.Ended>>
    /** When the certificate in force ends, and when what clients are judged by does; undefined: there is no TLS. */
    readonly tlsEnds: Effect.Effect<TlsEnds | undefined>
    /** Counts of TLS handshakes: so far, and those that wait or are under way now; undefined: there is no TLS. */
    readonly handshakes: Effect.Effect<Handshakes | undefined>
    /**
     * Has `serve` serve HTTP as long as the scope is open: to connections that ask for it by name (`http/1.1`) at any
     * port that takes TLS, and to those of a port of the program's own, which it gives to the answered function.
     */
    readonly openHttp: (
      serve: (visitor: HttpEntrance.Visitor) => void
    ) => Effect.Effect<(accepted: Accepted) => void, never, Scope.Scope>
  }
>()("lttng-relay/Relay") {}

/**
 * Operations in flight on one device. More do not make one disk faster; 8 devices that stall completely still leave
 * half of 64 threads to the others.
 */
const deviceOperationCountMax = 4

/** Replaces the rules. With rules, what was recorded before the relay started counts as soon as it has been found. */
const permit = (registry: Registry["Service"], scope: Scope.Scope) => (access: AccessFile | undefined) =>
  Effect.gen(function* () {
    registry.permissions.rightsOf = access && rightsOf(access)
    if (access !== undefined) yield* Effect.forkIn(registry.permissions.allowances.recall, scope)
  })

/** The limits as they are now, and how to change them. */
const changeable = (config: RelayConfig, connections: ConnectionLimit, { options, pool }: Registry["Service"]) => {
  let current = config
  return {
    get stopTimeoutMillis() {
      return current.stopTimeoutMillis
    },
    set: (limits: Partial<Limits>) =>
      Effect.map(check({ ...current, ...limits }), (checked) => {
        current = checked
        connections.countMax = Descriptors.connectionCountMaxOf(checked)
        options.journalCountMax = Descriptors.journalCountMaxOf(checked)
        pool.bytesMax = checked.memoryBytesMax
        options.singleViewer = checked.singleViewer
        options.allowClear = checked.allowClear
      })
  }
}

const checked = (drain: Draining.Drain): Drain => ({
  ...drain,
  begin: (deadlineMillis) => Effect.andThen(checkDeadline(deadlineMillis), drain.begin(deadlineMillis))
})

const readings = (registry: Registry["Service"]) => ({
  events: registry.events.stream,
  hearEvents: (listener: (event: RelayEvent) => void) => registry.events.heard(listener),
  sessions: Effect.sync(() => Snapshot.sessions(registry)),
  counters: Effect.sync(() => Snapshot.counters(registry)),
  endedNamesakes: Effect.sync(() => registry.namesakes.ended),
  connections: Effect.sync(() => Snapshot.connections(registry)),
  closedConnections: Effect.sync(() => Snapshot.closedConnections(registry)),
  activity: Effect.sync(() => Snapshot.activity(registry)),
  devices: Effect.sync(() => Snapshot.devices(registry))
})

const make = (config: RelayConfig, tap: Ports.Tap | undefined) =>
  Effect.gen(function* () {
    const registry = yield* Registry
    const { limit, notRefused, open, ...ports } = yield* Ports.make(config)
    const limits = changeable(config, limit, registry)
    const replaceAccess = permit(registry, yield* Effect.scope)
    yield* replaceAccess(config.access)
    registry.admission.add(Admissions.permitted(config.grouping))
    registry.admission.add(notRefused)
    registry.admission.add(Admissions.withinQuota)
    // Sessions drain after the listeners and connections are gone.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => Effect.timeoutOption(registry.drain, limits.stopTimeoutMillis))
    )
    yield* Effect.mapError(
      restore(registry, { control: ControlConnection.serve, data: DataConnection.serve }),
      ({ message }) => new ConfigInvalid({ reason: `output: ${message}` })
    )
    return Relay.of({
      ...readings(registry),
      ...ports,
      ...(yield* open(tap)),
      edgeAsked: registry.journals.asked,
      setLimits: limits.set,
      drain: checked(yield* Draining.make(registry)),
      endConnection: (id) => Effect.sync(() => registry.tally.connections.end(id, "ended by program")),
      endSession: (id) => registry.end(id, "ended by program"),
      replaceAccess: (access) => Effect.andThen(checkAccess(access), replaceAccess(access))
    })
  })

const store = (config: RelayConfig) =>
  TraceStore.layerNoDeps({
    output: config.output,
    openFileCountMax: Descriptors.openFileCountMaxOf(config),
    deviceOperationCountMax,
    syncsNames: config.sync !== "none"
  })

const relay = (config: RelayConfig, tap: Ports.Tap | undefined) =>
  Layer.effect(Relay, make(config, tap)).pipe(
    Layer.provide(
      Registry.layer({
        grouping: config.grouping,
        allowClear: config.allowClear,
        memoryBytesMax: config.memoryBytesMax,
        singleViewer: config.singleViewer,
        liveCacheBytes: config.liveCacheBytes,
        sync: config.sync,
        journalCountMax: Descriptors.journalCountMaxOf(config),
        suspendMillis: config.suspendMillis ?? defaults.suspendMillis,
        onSessionEnd: tap?.onSessionEnd,
        onStreamEnd: tap?.onStreamEnd,
        judgesSilence: tap === undefined,
        passage: tap?.passage
      })
    ),
    Layer.provide(store(config))
  )

/** Has all that is reported within counted in one place: the program's, if it has given one. */
const counting = <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.unwrap(
    Effect.map(Report.Counts, (given = new Map()) => Layer.provide(layer, Layer.succeed(Report.Counts, given)))
  )

/**
 * As `layerNoDeps`, with a tap that hears what targets say.
 *
 * @internal
 */
export const layerTapped = (
  config: RelayConfig,
  tap: Ports.Tap | undefined
): Layer.Layer<Relay, ListenFailed | ConfigInvalid, Files> =>
  counting(Layer.unwrap(Effect.map(check(config), (checked) => relay(checked, tap))))

/** A relay over any `Files`: those in memory, or the program's own. */
export const layerNoDeps = (config: RelayConfig): Layer.Layer<Relay, ListenFailed | ConfigInvalid, Files> =>
  layerTapped(config, undefined)

/** As `layer`, but if the output cannot be written, sessions are refused, not the relay: as the daemon does. */
export const layerLenient = (config: RelayConfig): Layer.Layer<Relay, ListenFailed | ConfigInvalid> =>
  counting(layerNoDeps(config).pipe(Layer.provide(DiskFiles.layerWith({ workers: config.workers }))))

const writable = (config: RelayConfig) =>
  Effect.mapError(
    Effect.andThen(check(config), ({ output }) => DiskFiles.makeWritable(output)),
    (error) => (error._tag === "ConfigInvalid" ? error : new ConfigInvalid({ reason: `output: ${error.message}` }))
  )

/** A relay that records on disk, into an output directory that it makes if it is not there. */
export const layer = (config: RelayConfig): Layer.Layer<Relay, ListenFailed | ConfigInvalid> =>
  Layer.unwrap(Effect.as(writable(config), layerLenient(config)))

/** As `layer`, configured by a `ConfigProvider`: by default the variables `LTTNG_RELAY_…` (`RelayConfig.config`). */
export const layerConfig = (
  config: Config.Wrap<RelayConfig> = FromEnvironment.config
): Layer.Layer<Relay, ListenFailed | ConfigInvalid | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(config), layer))
