/**
 * How connections come to the relay: by three ports, each with its door (TLS, a proxy in front, whom it refuses), all
 * with common limits; from viewers within this process; and by the program's own HTTP.
 */
import { Deferred, Effect, Exit, FiberSet, type Scope } from "effect"
import * as Descriptors from "./config/Descriptors.ts"
import { fileLimit } from "./config/FileLimit.ts"
import { ConfigInvalid, type RelayConfig } from "./config/RelayConfig.ts"
import * as ControlConnection from "./connection/ControlConnection.ts"
import * as DataConnection from "./connection/DataConnection.ts"
import * as HttpEntrance from "./connection/HttpEntrance.ts"
import * as LiveConnection from "./connection/LiveConnection.ts"
import * as Addresses from "./protocol/Addresses.ts"
import type { Passage } from "./relay/journal/Taken.ts"
import type * as Admissions from "./relay/party/Admission.ts"
import { RefusedHosts } from "./relay/RefusedHosts.ts"
import { Registry } from "./relay/Registry.ts"
import { TraceStore } from "./storage/TraceStore.ts"
import { hasSender } from "./thread/Writers.ts"
import type { Entrances, Welcome } from "./transport/Door.ts"
import * as Door from "./transport/Door.ts"
import * as InProcess from "./transport/InProcess.ts"
import * as KeepAlive from "./transport/KeepAlive.ts"
import { type Admission, type ConnectionLimit, listen, supervise } from "./transport/Listener.ts"
import type { Peer } from "./transport/Peer.ts"
import { Shortage } from "./transport/Shortage.ts"
import type { Mode, Purpose, Role, ServerIdentity } from "./transport/tls/Tls.ts"
import { TlsRefused } from "./transport/tls/TlsRefused.ts"

/** A target that vanished without a word, as in a power failure, is noticed within two minutes. */
const targetKeepAlive = { idleSeconds: 40, probeIntervalSeconds: 8, maxProbeCount: 9 }

/** A viewer that vanished without a word holds cached packets and open files: it is noticed within 70 s. */
const viewerKeepAlive = { idleSeconds: 60, probeIntervalSeconds: 1, maxProbeCount: 10 }

/** A viewer that reads nothing, or stops within a request, is cut off after this: it holds packets and files. */
const viewerStallMillis = 60_000

export type { Carrier, Opened, Passage, Taken } from "./relay/journal/Taken.ts"

/** A peer whose answers are sent later than they are given to it. */
export interface LatePeer extends Peer {
  /** Done when all of them were sent, after `close`. */
  readonly closed: Effect.Effect<void>
}

/** Hears what targets say before the relay does. */
export interface Tap {
  /** The peer that the relay serves in place of a control connection's. */
  readonly control: (peer: Peer) => LatePeer
  /** The same for a data connection. */
  readonly data: (peer: Peer) => Peer
  /** Called when the session has ended. */
  readonly onSessionEnd: (id: number) => void
  /** Called when nothing more can come of the stream. */
  readonly onStreamEnd: (handle: number) => void
  /** What takes the journals of other edges. */
  readonly passage: Passage
}

/** A connection is closed for good once it is served: not before its last answer was sent, unless its peer has gone. */
const serveControl = (tap: Tap | undefined, peer: Peer) => {
  if (tap === undefined) return ControlConnection.serve(peer)
  const tapped = tap.control(peer)
  const gone = Effect.callback<void>((resume) => peer.whenGone(() => resume(Effect.void)))
  return Effect.andThen(ControlConnection.serve(tapped), Effect.raceFirst(tapped.closed, gone))
}

const serveData = (tap: Tap | undefined, peer: Peer) => DataConnection.serve(tap === undefined ? peer : tap.data(peer))

/** What the ports share: TLS, which is loaded only if it is configured, proxies, and who serves what. */
const entrancesOf = (
  config: RelayConfig,
  { sessions }: Registry["Service"]
): Effect.Effect<Entrances, ConfigInvalid, Scope.Scope> =>
  Effect.gen(function* () {
    const welcomes = new Map<Purpose, Welcome>()
    const ranges = (config.proxyFrom ?? []).flatMap((text) => Addresses.range(text) ?? [])
    const isProxy = ranges.length === 0 ? undefined : (from: string) => ranges.some((isIn) => isIn(from))
    if (config.tls === undefined) return { terminal: undefined, isProxy, welcomes }
    const TlsTerminal = yield* Effect.promise(() => import("./transport/tls/TlsTerminal.ts"))
    const terminal = yield* Effect.mapError(
      TlsTerminal.make(config.tls, { serves: (purpose) => welcomes.has(purpose), isBusy: () => sessions.size > 0 }),
      ({ message }) => new ConfigInvalid({ reason: message })
    )
    return { terminal, isProxy, welcomes }
  })

const tlsOf = ({ terminal }: Entrances) => ({
  replaceTls: (identity: ServerIdentity): Effect.Effect<void, TlsRefused> =>
    terminal === undefined
      ? Effect.fail(new TlsRefused({ reason: "the relay was made without TLS" }))
      : terminal.replace(identity),
  tlsEnds: Effect.sync(() => terminal?.ends()),
  handshakes: Effect.sync(() => terminal?.handshakes())
})

const modeOf = (purpose: Purpose, { tls }: RelayConfig): Mode => (tls === undefined ? "off" : (tls[purpose] ?? "allow"))

/** The port's door; undefined if nothing needs to be looked at there. */
const doorOf = (role: Role, config: RelayConfig, entrances: Entrances) => {
  const mode = modeOf(role, config)
  return Door.isNeeded(mode, entrances) ? { mode, purpose: role, entrances } : undefined
}

const notRefused =
  (refused: RefusedHosts): Admissions.Rule =>
  ({ hostname }) =>
    refused.has(hostname) ? { code: "SESSION_HOST_REFUSED", detail: hostname } : undefined

/** Makes connections of viewers in this process, which end with the scope. */
const inProcess = Effect.gen(function* () {
  const connections = yield* FiberSet.make<void>()
  const run = yield* FiberSet.runtime(connections)<Registry>()
  const { incidents, permissions } = yield* Registry
  const { allowances } = permissions
  const serve = (peer: Peer) => LiveConnection.serve(peer, { rightsOf: undefined, allowances })
  const open = Effect.acquireRelease(
    Effect.sync(() => {
      const ends = InProcess.make("this process")
      const serving = run(supervise(ends.peer, "live", serve, (code) => incidents.count(code)))
      // After the relay's end nobody is served.
      serving.addObserver(() => ends.peer.close())
      return ends
    }),
    ({ leave }) => Effect.sync(leave)
  )
  return Effect.map(open, ({ link }) => link)
})

/** What all three ports have in common: the limit of connections, and by kind of peer keep-alive and stall limit. */
const commonOf = Effect.fnUntraced(function* (config: RelayConfig) {
  const { pool } = yield* TraceStore
  const { incidents } = yield* Registry
  const shortage = new Shortage(fileLimit())
  yield* Effect.forkScoped(shortage.watch((code) => incidents.count(code)))
  const connected = yield* Deferred.make<void>()
  const limit: ConnectionLimit = {
    countMax: Descriptors.connectionCountMaxOf(config),
    count: 0,
    shortage,
    isShort: () => pool.reservedCount >= Descriptors.reservedCountMaxOf(config),
    onChange: (difference) => {
      pool.reserve(difference)
      Deferred.doneUnsafe(connected, Exit.void)
    },
    doors: new Set()
  }
  const isOff = config.keepAlive === "off"
  const given = config.keepAlive === undefined || isOff ? undefined : KeepAlive.complete(config.keepAlive)
  const stallMillis = config.socketTimeoutMillis
  return {
    connected: Deferred.await(connected),
    limit,
    target: { limit, keepAlive: isOff ? undefined : (given ?? targetKeepAlive), stallMillis },
    viewer: { limit, keepAlive: given ?? viewerKeepAlive, stallMillis: stallMillis ?? viewerStallMillis }
  }
})

/** Makes the ports, which let nobody in before `open`. Connections end before whatever was made before `open` does. */
export const make = Effect.fnUntraced(function* (config: RelayConfig) {
  const registry = yield* Registry
  const { connected, limit, target, viewer } = yield* commonOf(config)
  const entrances = yield* entrancesOf(config, registry)
  const refused = new RefusedHosts()
  const admission = (port: Purpose): Admission => ({
    admits: (address) => !refused.has(address),
    onRefused: (peer, reason, code) => {
      registry.incidents.count(code)
      registry.events.publish({ _tag: "ConnectionRefused", port, peer, reason })
    },
    onReported: (code) => registry.incidents.count(code)
  })
  const options = (name: "control" | "data" | "live") => ({
    name,
    hasSender: hasSender(config.workers),
    address: config[name],
    admission: admission(name),
    door: doorOf(name, config, entrances)
  })
  const bound = ({ address, port }: { readonly address: string; readonly port: number }) => ({ host: address, port })
  return {
    limit,
    connected,
    ...tlsOf(entrances),
    notRefused: notRefused(refused),
    refuseHost: (host: string): Effect.Effect<void, never, Scope.Scope> =>
      Effect.acquireRelease(
        Effect.sync(() => refused.add(host)),
        () => Effect.sync(() => refused.remove(host))
      ),
    openHttp: (serve: (visitor: HttpEntrance.Visitor) => void) =>
      HttpEntrance.open(registry, { ...admission("http"), mode: modeOf("http", config), entrances, serve }),
    open: Effect.fnUntraced(function* (tap: Tap | undefined) {
      const control = yield* listen({ ...options("control"), ...target }, (peer) => serveControl(tap, peer))
      const data = yield* listen({ ...options("data"), ...target }, (peer) => serveData(tap, peer))
      const live = yield* listen({ ...options("live"), ...viewer }, (peer) => LiveConnection.serve(peer))
      const addresses = { control: bound(control), data: bound(data), live: bound(live) }
      return { addresses, openLive: yield* inProcess }
    })
  }
})
