/**
 * What the relay needs to know to run, as one checked value.
 *
 * Flags, environment and INI files (daemon), or an embedding program, produce it; nothing below reads the
 * environment. Every limit an operator may want to change is here, with its unit in its name.
 */
import { isAbsolute } from "node:path"
import { Effect, Schema } from "effect"
import { AccessFile } from "../access/Access.ts"
import { AddressRange } from "../access/AddressRange.ts"
import { memoryBytesMin, timerMillisMax, workersMax } from "./Value.ts"

const count = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Where a port listens. */
export const ListenAddress = Schema.Struct({
  /** A host name or numeric address. */
  host: Schema.NonEmptyString,
  /** 0 lets the system choose. */
  port: count(0, 65_535),
  /** Which of a name's addresses to take; 4 if absent. */
  family: Schema.optional(Schema.Literals([4, 6])),
  /** Descriptor of a socket that listens there already: it is taken over, and nothing is bound. */
  descriptor: Schema.optional(count(0))
})
/** Where one of the ports listens. */
export interface ListenAddress extends Schema.Schema.Type<typeof ListenAddress> {}

/** How session directories are grouped below the output directory (storage.md §2.1, §2.2). */
export const OutputGrouping = Schema.Literals(["host", "session"])
export type OutputGrouping = typeof OutputGrouping.Type

const keepAliveCount = Schema.optional(count(1, 2 ** 31 - 1))

/** TCP keep-alive of accepted connections; `undefined` members keep the system's default. */
export const KeepAlive = Schema.Struct({
  idleSeconds: keepAliveCount,
  probeIntervalSeconds: keepAliveCount,
  maxProbeCount: keepAliveCount
})
/** TCP keep-alive of connections; seconds. */
export interface KeepAlive extends Schema.Schema.Type<typeof KeepAlive> {}

const TlsMode = Schema.Literals(["off", "allow", "require"])

/** TLS on the three ports; certificate, key and authority are PEM texts. */
export const Tls = Schema.Struct({
  /** `off`: no TLS; `allow`: for peers that begin with it; `require`: for all. */
  control: TlsMode,
  data: TlsMode,
  live: TlsMode,
  /** The certificate, and those of the authorities between it and the root. */
  certificate: Schema.NonEmptyString,
  key: Schema.NonEmptyString,
  /** TLS of the operator's port, if a program has one; absent: `allow`. */
  http: Schema.optional(TlsMode),
  /** Only clients with a certificate of this authority are let in. */
  clientCa: Schema.optional(Schema.NonEmptyString),
  /** Revocation lists, one of every authority in `clientCa`. */
  crl: Schema.optional(Schema.NonEmptyString),
  minVersion: Schema.optional(Schema.Literals(["TLSv1.2", "TLSv1.3"]))
})
/** TLS of the three ports. */
export interface Tls extends Schema.Schema.Type<typeof Tls> {}

const absolutePath = Schema.makeFilter((path: string) => {
  if (path === "") return "a directory that receives the traces, which has no default"
  if (path.includes("\0")) return "a path without NUL"
  return isAbsolute(path) || "an absolute path"
})

/** The least descriptors that connections, runtime and trace files need together. */
export const fdPoolSizeMin = 90

/** Everything a relay is told when it starts: nothing is read from the environment. `Relay.layer` checks it. */
export const RelayConfig = Schema.Struct({
  /** Absolute path of the directory that receives every trace. Created when first needed. */
  output: Schema.String.check(absolutePath),
  control: ListenAddress,
  data: ListenAddress,
  live: ListenAddress,
  grouping: OutputGrouping,
  /** False refuses `lttng clear` (`-x`). */
  allowClear: Schema.Boolean,
  /** True: at most one viewer per session, as in the reference relay. */
  singleViewer: Schema.Boolean,
  /** Descriptors the process may hold open at once; idle trace files are closed and reopened below it. */
  fdPoolSize: count(fdPoolSizeMin),
  /** Connections accepted at once over the three ports. */
  connectionCountMax: count(1),
  /** Journals of edges (docs/edge.md) open at once, suspended or not; 4096 if absent. */
  journalCountMax: Schema.optional(count(1)),
  /**
   * Threads that write files beside the event loop; with 0 there is none that answers viewers either. If absent, as
   * many as the machine has processors beyond two, four at most, and only while processors are to spare.
   */
  workers: Schema.optional(count(0, workersMax)),
  /** Bytes of packet memory in flight between all sockets and all files. */
  memoryBytesMax: count(memoryBytesMin),
  /** Bytes of packets kept in memory for the viewers of all live sessions; 0 turns the cache off. */
  liveCacheBytes: count(0),
  /**
   * Bound on the orderly stop of sessions. Operations that a disk was asked for are waited for even longer: the daemon
   * ends its process a second later, an embedding program has to decide for itself.
   */
  stopTimeoutMillis: count(0, timerMillisMax),
  /** How long sessions wait for an edge that is gone (docs/edge.md); a week if absent. */
  suspendMillis: Schema.optional(count(0, timerMillisMax)),
  /** When traces are synced, so that they survive a power failure (docs/durability.md). */
  sync: Schema.Union([
    Schema.Literals(["none", "close", "always"]),
    Schema.Struct({ intervalMillis: count(1, timerMillisMax) })
  ]),
  /** `undefined`: the relay's own values, which notice within two minutes that a peer has vanished. */
  keepAlive: Schema.optional(Schema.Union([KeepAlive, Schema.Literal("off")])),
  /** How long a peer may read nothing or stop within a message; `undefined`: targets for ever, viewers a minute. */
  socketTimeoutMillis: Schema.optional(count(1, timerMillisMax)),
  /** Connections from these addresses begin with a header of the PROXY protocol, version 2. */
  proxyFrom: Schema.optional(Schema.Array(AddressRange)),
  /** `undefined`: no TLS. */
  tls: Schema.optional(Tls),
  /** Who may record and view what; `undefined`: everybody everything. */
  access: Schema.optional(AccessFile)
})
/** Everything that a relay is told (`docs/operating.md`). */
export interface RelayConfig extends Schema.Schema.Type<typeof RelayConfig> {}

/** A relay cannot run like this. `reason` names every member that is wrong, and what is expected of it. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", { reason: Schema.String }) {
  override get message(): string {
    return `the relay's configuration is not valid: ${this.reason}`
  }
}

const decode = Schema.decodeUnknownEffect(RelayConfig)

const decodeAccess = Schema.decodeUnknownEffect(Schema.Struct({ access: RelayConfig.fields.access }))

const invalid = ({ message }: { readonly message: string }) => new ConfigInvalid({ reason: message })

/** Checks access rules alone. Unknown members fail: a misspelt one would be a rule or a bound that does not hold. */
export const checkAccess = (access: AccessFile | undefined): Effect.Effect<void, ConfigInvalid> =>
  Effect.asVoid(Effect.mapError(decodeAccess({ access }, { errors: "all", onExcessProperty: "error" }), invalid))

const Deadline = Schema.Struct({
  deadlineMillis: Schema.optional(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: timerMillisMax })))
})

/** Checks a drain's deadline: NaN or a negative one would be over at once. */
export const checkDeadline = (deadlineMillis: number | undefined): Effect.Effect<void, ConfigInvalid> =>
  Effect.asVoid(Effect.mapError(Schema.decodeUnknownEffect(Deadline)({ deadlineMillis }), invalid))

/** Checks a configuration, as the relay's layers do first. */
export const check = (config: RelayConfig): Effect.Effect<RelayConfig, ConfigInvalid> =>
  Effect.tap(Effect.mapError(decode(config, { errors: "all" }), invalid), () => checkAccess(config.access))
