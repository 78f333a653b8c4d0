/**
 * Options while they are being collected: what one setting changes, and why a value is refused.
 *
 * `set` is the only writer and is used alike for the command line and for INI keys.
 */
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import * as Addresses from "../protocol/Addresses.ts"
import type { LogFormat } from "./DaemonOptions.ts"
import * as HttpPort from "./HttpPort.ts"
import { type OptionName, usage } from "./Options.ts"
import type { ListenAddress, OutputGrouping, RelayConfig } from "./RelayConfig.ts"
import * as TlsOptions from "./TlsOptions.ts"
import * as Url from "./Url.ts"
import {
  cInteger,
  count,
  durationMillis,
  ioThreads,
  memoryBytes,
  priorityBoost,
  sizeBytes,
  timerMillisMax,
  workers
} from "./Value.ts"

/** Resolves a host name: to the first address of the family, or rejects. */
export type Lookup = (host: string, family: 4 | 6) => Promise<string>

type Mutable<A> = { -readonly [Key in keyof A]?: A[Key] }

export interface Draft {
  /** The directory at which relative paths start. */
  readonly directory: string
  control?: ListenAddress
  data?: ListenAddress
  live?: ListenAddress
  dynamicPorts: boolean
  /** Addresses that say port 0, with the complaint unless the system may choose ports. */
  readonly zeroPorts: Map<ListenAddress, ReadonlyArray<string>>
  output?: string
  grouping?: OutputGrouping
  allowClear: boolean
  daemonize: boolean
  background: boolean
  pidFile?: string
  sigParent: boolean
  group?: string
  workingDirectory: string | undefined
  /** Its bounds are checked when all sources have been read. */
  fdPoolSize?: number
  verbosity: number
  logFormat?: LogFormat
  logFile?: string
  ioThreads?: number
  priorityBoost?: number
  httpPort?: HttpPort.HttpPort
  httpTokenFile?: string
  httpHosts: ReadonlyArray<string>
  access?: string
  readonly tls: TlsOptions.TlsDraft
  relay: Mutable<Omit<RelayConfig, "control" | "data" | "live" | "output" | "grouping" | "fdPoolSize">>
}

export const draft = (directory: string): Draft => ({
  directory,
  dynamicPorts: false,
  zeroPorts: new Map(),
  allowClear: true,
  daemonize: false,
  background: false,
  sigParent: false,
  workingDirectory: undefined,
  verbosity: 0,
  httpHosts: [],
  tls: {},
  relay: {}
})

const verbosityMax = 3

/** C's numbers of the address families, for messages that operators search for. */
const addressFamily = { 4: 2, 6: 10 } as const

const unresolved = ({ host, family }: Pick<Url.ListenUrl, "host" | "family">) =>
  `URI parse bad hostname ${host} for af ${addressFamily[family]}`

const resolveHost = async (
  url: Pick<Url.ListenUrl, "host" | "family">,
  lookup: Lookup
): Promise<string | undefined> => {
  // The runtime's resolver answers a numeric address as it is, whichever family it is of.
  const literal = Url.literalFamily(url.host)
  if (literal !== 0) return literal === url.family ? url.host : undefined
  try {
    return await lookup(url.host, url.family)
  } catch {
    if (url.host.toLowerCase() !== "localhost") return undefined
    return url.family === 4 ? "127.0.0.1" : "::1"
  }
}

type Complaints = ReadonlyArray<string>
const accepted: Complaints = []

/** Applies a value; a non-empty answer says why it was not applied. */
type Setter = (into: Draft, value: string, name: OptionName, lookup: Lookup) => Complaints | Promise<Complaints>

/** Says what would be right, too. */
const wrongValue = (name: OptionName, value: string): Complaints => [
  `Wrong value in --${name} parameter: ${value}; ${usage(name)}`
]

/** Stores what `parse` finds in the value; undefined: the value is wrong. */
const parsed =
  <A>(parse: (text: string, into: Draft) => A | undefined, store: (into: Draft, value: A) => void): Setter =>
  (into, text, name) => {
    const value = parse(text, into)
    if (value === undefined) return wrongValue(name, text)
    store(into, value)
    return accepted
  }

/** Stores a value as a member of a part of the draft. */
const to =
  <Part, Key extends keyof Part>(part: (into: Draft) => Part, key: Key) =>
  (into: Draft, value: Part[Key]): void => {
    part(into)[key] = value
  }
const own = (into: Draft) => into
const relay = (into: Draft) => into.relay
const tls = (into: Draft) => into.tls

const text = (value: string) => value
const yes = () => true
const no = () => false

/** An absolute path; an empty one would be the directory. */
const file = (path: string, { directory }: Draft): string | undefined =>
  path === "" ? undefined : resolve(directory, path)

const addressOf =
  (port: "control" | "data" | "live"): Setter =>
  async (into, value, _, lookup) => {
    const invalid = `Invalid ${port} URI specified`
    const found = Url.parse(value)
    if (found._tag === "Refused") return [found.message, invalid]
    const { url } = found
    const host = await resolveHost(url, lookup)
    if (host === undefined) return [unresolved(url), invalid]
    const address: ListenAddress = { host, port: url.port, family: url.family }
    into[port] = address
    if (url.isZero) into.zeroPorts.set(address, ["Invalid port number 0", invalid])
    return accepted
  }

const groupingBy =
  (grouping: OutputGrouping): Setter =>
  (into, _, name) => {
    if (into.grouping !== undefined) return [`Cannot set --${name}, another --group-output-by argument is present`]
    into.grouping = grouping
    return accepted
  }

/** A path whose directory exists is made absolute now; any other is relative to the final working directory. */
const pidFilePath = (path: string, { directory }: Draft): string => {
  const slash = path.lastIndexOf("/")
  return slash >= 0 && existsSync(resolve(directory, path.slice(0, slash + 1))) ? resolve(directory, path) : path
}

const fdPoolSize: Setter = (into, value) => {
  const size = /^[0-9]/.test(value) ? cInteger(value) : undefined
  if (size === undefined || size === Number.POSITIVE_INFINITY)
    return [`Wrong value in --fd-pool-size parameter: ${value}`]
  if (size >= 2 ** 32 - 1) return [`File descriptor cap overflow in --fd-pool-size parameter: ${value}`]
  into.fdPoolSize = size
  return accepted
}

const sync = (value: string): RelayConfig["sync"] | undefined => {
  if (value === "none" || value === "close" || value === "always") return value
  const millis = value.startsWith("interval:") ? count(value.slice("interval:".length)) : undefined
  return millis === undefined || millis > timerMillisMax ? undefined : { intervalMillis: millis }
}

const proxyFrom: Setter = ({ relay }, value, name) => {
  const ranges = value.split(",").map((text) => text.trim())
  const wrong = ranges.find((text) => Addresses.range(text) === undefined)
  if (wrong !== undefined) return wrongValue(name, wrong)
  relay.proxyFrom = ranges
  return accepted
}

const httpPort: Setter = async (into, value, _, lookup) => {
  const port = HttpPort.parse(value)
  const invalid = "Invalid http URI specified"
  if (typeof port === "string") return [port, invalid]
  if (port._tag === "Unix") into.httpPort = port
  else {
    const host = await resolveHost(port, lookup)
    if (host === undefined) return [unresolved(port), invalid]
    into.httpPort = { ...port, host }
  }
  return accepted
}

const httpHosts: Setter = (into, value, name) => {
  const names = HttpPort.hosts(value)
  const wrong = names.find((name) => !HttpPort.isHostName(name))
  if (wrong !== undefined) return wrongValue(name, wrong)
  into.httpHosts = names
  return accepted
}

/** `Resolve` itself looks whether it is given. */
const noted: Setter = () => accepted

const setters: Readonly<Record<OptionName, Setter>> = {
  help: noted,
  version: noted,
  config: noted,
  check: noted,
  "control-port": addressOf("control"),
  "data-port": addressOf("data"),
  "live-port": addressOf("live"),
  "dynamic-port-allocation": parsed(yes, to(own, "dynamicPorts")),
  "group-output-by-session": groupingBy("session"),
  "group-output-by-host": groupingBy("host"),
  daemonize: parsed(yes, to(own, "daemonize")),
  background: parsed(yes, to(own, "background")),
  group: parsed(text, to(own, "group")),
  "fd-pool-size": fdPoolSize,
  output: parsed(text, to(own, "output")),
  verbose: parsed((_, { verbosity }) => (verbosity < verbosityMax ? verbosity + 1 : verbosity), to(own, "verbosity")),
  "working-directory": parsed(text, to(own, "workingDirectory")),
  "disallow-clear": parsed(no, to(own, "allowClear")),
  "pid-file": parsed(pidFilePath, to(own, "pidFile")),
  "sig-parent": parsed(yes, to(own, "sigParent")),
  "single-viewer": parsed(yes, to(relay, "singleViewer")),
  "max-connections": parsed(count, to(relay, "connectionCountMax")),
  "max-journals": parsed(count, to(relay, "journalCountMax")),
  "memory-limit": parsed(memoryBytes, to(relay, "memoryBytesMax")),
  "live-cache": parsed(sizeBytes, to(relay, "liveCacheBytes")),
  "stop-timeout": parsed(durationMillis, to(relay, "stopTimeoutMillis")),
  suspend: parsed(durationMillis, to(relay, "suspendMillis")),
  sync: parsed(sync, to(relay, "sync")),
  "io-threads": parsed(ioThreads, to(own, "ioThreads")),
  workers: parsed(workers, to(relay, "workers")),
  "priority-boost": parsed(priorityBoost, to(own, "priorityBoost")),
  "http-port": httpPort,
  "http-token-file": parsed(file, to(own, "httpTokenFile")),
  "http-hosts": httpHosts,
  access: parsed(file, to(own, "access")),
  tls: parsed(TlsOptions.modes, to(tls, "modes")),
  "tls-cert": parsed(file, to(tls, "certificate")),
  "tls-key": parsed(file, to(tls, "key")),
  "tls-client-ca": parsed(file, to(tls, "clientCa")),
  "tls-crl": parsed(file, to(tls, "crl")),
  "tls-min-version": parsed(TlsOptions.minVersion, to(tls, "minVersion")),
  "proxy-from": proxyFrom,
  "log-format": parsed((format) => (format === "text" || format === "json" ? format : undefined), to(own, "logFormat")),
  "log-file": parsed(file, to(own, "logFile"))
}

/** Applies one setting. A non-empty answer says why it was not applied. */
export const set = async (into: Draft, name: OptionName, value: string, lookup: Lookup): Promise<Complaints> =>
  setters[name](into, value, name, lookup)
