/**
 * The relay, composed: three ports over one registry over one store. Layers are built in the order storage, registry,
 * listeners, so that stopping goes the other way: listeners close first, sessions drain, files close last.
 */
import { Context, Effect, Layer, type Stream } from "effect"
import type { RelayConfig } from "./config/RelayConfig.ts"
import * as ControlConnection from "./connection/ControlConnection.ts"
import * as DataConnection from "./connection/DataConnection.ts"
import * as LiveConnection from "./connection/LiveConnection.ts"
import type { RelayEvent } from "./relay/Events.ts"
import { Registry } from "./relay/Registry.ts"
import * as Snapshot from "./relay/Snapshot.ts"
import type * as Status from "./relay/Status.ts"
import { TraceStore } from "./storage/TraceStore.ts"
import * as KeepAlive from "./transport/KeepAlive.ts"
import { type ConnectionLimit, type ListenFailed, listen } from "./transport/Listener.ts"

export type { ListenFailed } from "./transport/Listener.ts"

/** Where a port listens: the address and number that the system gave. */
export interface BoundAddress {
  readonly host: string
  readonly port: number
}

/** A running relay. It stops with its scope: listeners first, then sessions are drained, for `stopTimeoutMillis`. */
export class Relay extends Context.Service<
  Relay,
  {
    readonly addresses: { readonly control: BoundAddress; readonly data: BoundAddress; readonly live: BoundAddress }
    /** Sessions with their streams, as they are now. */
    readonly sessions: Effect.Effect<ReadonlyArray<Status.SessionStatus>>
    readonly counters: Effect.Effect<Status.Counters>
    /** Open connections of the three ports. */
    readonly connections: Effect.Effect<ReadonlyArray<Status.ConnectionStatus>>
    /** The last of those that ended, the newest last. */
    readonly closedConnections: Effect.Effect<ReadonlyArray<Status.ConnectionStatus>>
    /** What connections did since the relay started. */
    readonly activity: Effect.Effect<Status.Activity>
    /** What happens from now on; a slow subscriber loses the oldest events. */
    readonly events: Stream.Stream<RelayEvent>
  }
>()("lttng-relay/Relay") {}

/** Descriptors the process needs besides sockets and trace files: the runtime's own, listeners, log, health. */
const descriptorReserve = 40

/** Descriptors that connections leave to trace files, however many come: sessions that record go on recording. */
const traceFileReserve = 32

/**
 * Operations in flight on one device. More do not make one disk faster; 8 devices that stall completely still leave
 * half of 64 threads to the others.
 */
const deviceOperationCountMax = 4

/** A viewer that vanished without a word holds cached packets and open files: it is found out within minutes. */
const viewerKeepAlive = { idleSeconds: 60, probeIntervalSeconds: 1, maxProbeCount: 10 }

/** A viewer that reads nothing, or says half a request and no more, is cut off: it holds packets and files. */
const viewerStallMillis = 60_000

const ports = (config: RelayConfig) =>
  Effect.gen(function* () {
    const { pool } = yield* TraceStore
    const limit: ConnectionLimit = {
      countMax: Math.min(config.connectionCountMax, config.fdPoolSize - descriptorReserve - traceFileReserve),
      count: 0,
      onChange: (difference) => pool.reserve(difference)
    }
    const keepAlive = config.keepAlive === undefined ? undefined : KeepAlive.complete(config.keepAlive)
    const common = { keepAlive, stallMillis: config.socketTimeoutMillis, limit }
    const registry = yield* Registry
    // Sessions drain after the listeners and connections are gone.
    yield* Effect.addFinalizer(() => Effect.timeoutOption(registry.drain, config.stopTimeoutMillis))
    const control = yield* listen({ name: "control", address: config.control, ...common }, ControlConnection.serve)
    const data = yield* listen({ name: "data", address: config.data, ...common }, DataConnection.serve)
    const live = yield* listen(
      {
        name: "live",
        address: config.live,
        ...common,
        keepAlive: keepAlive ?? viewerKeepAlive,
        stallMillis: config.socketTimeoutMillis ?? viewerStallMillis
      },
      LiveConnection.serve
    )
    const bound = ({ address, port }: { readonly address: string; readonly port: number }) => ({ host: address, port })
    return Relay.of({
      addresses: { control: bound(control), data: bound(data), live: bound(live) },
      sessions: Effect.sync(() => Snapshot.sessions(registry)),
      counters: Effect.sync(() => Snapshot.counters(registry)),
      connections: Effect.sync(() => Snapshot.connections(registry)),
      closedConnections: Effect.sync(() => Snapshot.closedConnections(registry)),
      activity: Effect.sync(() => Snapshot.activity(registry)),
      events: registry.events.stream
    })
  })

/** A relay over any `TraceStore`. */
export const layerNoDeps = (config: RelayConfig): Layer.Layer<Relay, ListenFailed, TraceStore> =>
  Layer.effect(Relay, ports(config)).pipe(
    Layer.provide(
      Registry.layer({
        grouping: config.grouping,
        allowClear: config.allowClear,
        memoryBytesMax: config.memoryBytesMax,
        singleViewer: config.singleViewer,
        liveCacheBytes: config.liveCacheBytes
      })
    )
  )

/** A relay that records on disk. */
export const layer = (config: RelayConfig): Layer.Layer<Relay, ListenFailed> =>
  layerNoDeps(config).pipe(
    Layer.provide(
      TraceStore.layer({
        output: config.output,
        openFileCountMax: config.fdPoolSize - descriptorReserve,
        deviceOperationCountMax
      })
    )
  )
