/**
 * What the relay needs to know to run, as one typed value.
 *
 * Flags, environment and INI files (daemon), or an embedding program, produce it; nothing below reads the
 * environment. Every limit an operator may want to change is here, with its unit in its name.
 */

/** Where a port listens. `port` 0 lets the system choose. */
export interface ListenAddress {
  /** A host name or numeric address; resolved with `family`. */
  readonly host: string
  readonly port: number
  readonly family: 4 | 6
}

/** How session directories are grouped below the output directory (storage.md §2.1, §2.2). */
export type OutputGrouping = "host" | "session"

/** TCP keep-alive of control and data connections; `undefined` members keep the system's default. */
export interface KeepAlive {
  readonly idleSeconds?: number | undefined
  readonly probeIntervalSeconds?: number | undefined
  readonly maxProbeCount?: number | undefined
}

/** Everything a relay is told when it starts. `Relay.layer` takes it as it is: nothing is read from the environment. */
export interface RelayConfig {
  /** Absolute path of the directory that receives every trace. Created when first needed. */
  readonly output: string
  readonly control: ListenAddress
  readonly data: ListenAddress
  readonly live: ListenAddress
  readonly grouping: OutputGrouping
  /** False refuses `lttng clear` (`-x`). */
  readonly allowClear: boolean
  /** At most one viewer per session, as the reference relay rules. */
  readonly singleViewer: boolean
  /** Descriptors the process may hold open at once; idle trace files are closed and reopened below it. */
  readonly fdPoolSize: number
  /** Connections accepted at once over the three ports. */
  readonly connectionCountMax: number
  /** Bytes of packet memory in flight between all sockets and all files. */
  readonly memoryBytesMax: number
  /** Bytes of packets kept in memory for the viewers of all live sessions; 0 turns the cache off. */
  readonly liveCacheBytes: number
  /** Bound on the orderly stop: connections drained, files closed. */
  readonly stopTimeoutMillis: number
  readonly keepAlive: KeepAlive | undefined
  /** Send and receive timeout of accepted sockets; `undefined` waits for ever. */
  readonly socketTimeoutMillis: number | undefined
}

/** What the daemon uses where it is told nothing else; `output` is empty and must be given. */
export const defaults: RelayConfig = {
  output: "",
  control: { host: "0.0.0.0", port: 5342, family: 4 },
  data: { host: "0.0.0.0", port: 5343, family: 4 },
  live: { host: "localhost", port: 5344, family: 4 },
  grouping: "host",
  allowClear: true,
  singleViewer: false,
  fdPoolSize: 1014,
  connectionCountMax: 4096,
  memoryBytesMax: 64 * 1024 * 1024,
  liveCacheBytes: 32 * 1024 * 1024,
  stopTimeoutMillis: 5000,
  keepAlive: undefined,
  socketTimeoutMillis: undefined
}
