/**
 * Everything the daemon process needs to know to start, as one plain value.
 *
 * The launcher makes it, and hands it as JSON to the process that serves; so it holds only what JSON can.
 */
import type { Testpoints } from "./Environment.ts"
import type { HttpPort } from "./HttpPort.ts"
import type { RelayConfig, Tls } from "./RelayConfig.ts"
import { defaults } from "./RelayDefaults.ts"

export type Mode = "foreground" | "background" | "daemonize"
export type LogFormat = "text" | "json"

/** Paths of the files with the relay's TLS identity, and modes of the ports: keys stay in their files. */
export interface TlsFiles extends Pick<Tls, "control" | "data" | "live" | "http" | "minVersion"> {
  readonly certificate: string
  readonly key: string
  readonly clientCa?: string | undefined
  readonly crl?: string | undefined
}

export interface DaemonOptions {
  readonly relay: RelayConfig
  readonly mode: Mode
  /** True if the operator named the output directory: only then is it made at the start. */
  readonly makeOutput: boolean
  readonly pidFile?: string | undefined
  readonly sigParent: boolean
  readonly group: string
  readonly workingDirectory?: string | undefined
  /** The tracing daemons' directory for sockets; ours is `relayd/` in it. Undefined if the user has no home. */
  readonly runDirectory: string | undefined
  /** Whether a start without that directory must fail. */
  readonly isRunDirectoryNamed: boolean
  /** Path of the health socket, if it is not to be in the run directory. */
  readonly healthPath?: string | undefined
  /** 0 to 3, or more from an INI file. */
  readonly verbosity: number
  readonly logFormat: LogFormat
  /** Absolute path; undefined: the log goes to standard error. */
  readonly logFile?: string | undefined
  readonly abortOnError: boolean
  readonly ioThreads: number
  /** What is subtracted from the process's niceness. */
  readonly priorityBoost: number
  /** Undefined: no HTTP port. Its host is a numeric address here. */
  readonly httpPort?: HttpPort | undefined
  readonly httpTokenFile?: string | undefined
  /** Names by which the HTTP port may be asked, besides loopback names; in lower case. */
  readonly httpHosts: ReadonlyArray<string>
  /** Path of the file of access rules; undefined: none. */
  readonly access?: string | undefined
  /** Undefined: no TLS. */
  readonly tls?: TlsFiles | undefined
  readonly testpoints: Testpoints
}

export const daemonDefaults: DaemonOptions = {
  relay: defaults,
  mode: "foreground",
  makeOutput: false,
  sigParent: false,
  group: "tracing",
  runDirectory: undefined,
  isRunDirectoryNamed: false,
  verbosity: 0,
  logFormat: "text",
  abortOnError: false,
  ioThreads: 64,
  priorityBoost: 10,
  httpHosts: [],
  testpoints: { stalled: [], failing: [] }
}
