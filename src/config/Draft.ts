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

/** Says what would be right, too. */
const wrongValue = (name: OptionName, value: string): Complaints => [
  `Wrong value in --${name} parameter: ${value}; ${usage(name)}`
]

const setAddress = async (into: Draft, port: "control" | "data" | "live", value: string, lookup: Lookup) => {
  const invalid = `Invalid ${port} URI specified`
  const parsed = Url.parse(value)
  if (parsed._tag === "Refused") return [parsed.message, invalid]
  const { url } = parsed
  const host = await resolveHost(url, lookup)
  if (host === undefined) return [unresolved(url), invalid]
  const address: ListenAddress = { host, port: url.port, family: url.family }
  into[port] = address
  if (url.isZero) into.zeroPorts.set(address, ["Invalid port number 0", invalid])
  return accepted
}

const setGrouping = (into: Draft, grouping: OutputGrouping): Complaints => {
  if (into.grouping !== undefined) {
    return [`Cannot set --group-output-by-${grouping}, another --group-output-by argument is present`]
  }
  into.grouping = grouping
  return accepted
}

/** A path whose directory exists is made absolute now; any other is relative to the final working directory. */
const pidFilePath = (path: string, directory: string): string => {
  const slash = path.lastIndexOf("/")
  return slash >= 0 && existsSync(resolve(directory, path.slice(0, slash + 1))) ? resolve(directory, path) : path
}

/** Parses a number; undefined: the text is none. */
type ParseNumber = (text: string) => number | undefined

/** Stores a parsed number, or says what was expected. */
const setNumber = (name: OptionName, text: string, parse: ParseNumber, store: (value: number) => void): Complaints => {
  const value = parse(text)
  if (value === undefined) return wrongValue(name, text)
  store(value)
  return accepted
}

const setFdPoolSize = (into: Draft, value: string): Complaints => {
  const size = /^[0-9]/.test(value) ? cInteger(value) : undefined
  if (size === undefined || size === Number.POSITIVE_INFINITY)
    return [`Wrong value in --fd-pool-size parameter: ${value}`]
  if (size >= 2 ** 32 - 1) return [`File descriptor cap overflow in --fd-pool-size parameter: ${value}`]
  into.fdPoolSize = size
  return accepted
}

const setSync = (relay: Draft["relay"], name: OptionName, value: string): Complaints => {
  if (value === "none" || value === "close" || value === "always") {
    relay.sync = value
    return accepted
  }
  const millis = value.startsWith("interval:") ? count(value.slice("interval:".length)) : undefined
  if (millis === undefined || millis > timerMillisMax) return wrongValue(name, value)
  relay.sync = { intervalMillis: millis }
  return accepted
}

const setProxyFrom = (relay: Draft["relay"], value: string): Complaints => {
  const ranges = value.split(",").map((text) => text.trim())
  const wrong = ranges.find((text) => Addresses.range(text) === undefined)
  if (wrong !== undefined) return wrongValue("proxy-from", wrong)
  relay.proxyFrom = ranges
  return accepted
}

const setLogFormat = (into: Draft, value: string): Complaints => {
  if (value !== "text" && value !== "json") return wrongValue("log-format", value)
  into.logFormat = value
  return accepted
}

const setHttpPort = async (into: Draft, value: string, lookup: Lookup): Promise<Complaints> => {
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

type RelayNumber = {
  [Key in keyof Draft["relay"]]-?: number extends Draft["relay"][Key] ? Key : never
}[keyof Draft["relay"]]

/** Options that are a number in the relay's configuration. */
const relayNumbers: ReadonlyMap<OptionName, readonly [RelayNumber, ParseNumber]> = new Map([
  ["max-connections", ["connectionCountMax", count]],
  ["max-journals", ["journalCountMax", count]],
  ["memory-limit", ["memoryBytesMax", memoryBytes]],
  ["live-cache", ["liveCacheBytes", sizeBytes]],
  ["stop-timeout", ["stopTimeoutMillis", durationMillis]],
  ["suspend", ["suspendMillis", durationMillis]],
  ["workers", ["workers", workers]]
])

/** Options that name a file. */
const files = { "http-token-file": "httpTokenFile", "log-file": "logFile", access: "access" } as const

const isFileOption = (name: OptionName): name is keyof typeof files => Object.hasOwn(files, name)

const setHttpHosts = (into: Draft, value: string): Complaints => {
  const names = HttpPort.hosts(value)
  const wrong = names.find((name) => !HttpPort.isHostName(name))
  if (wrong !== undefined) return wrongValue("http-hosts", wrong)
  into.httpHosts = names
  return accepted
}

const setOwn = async (into: Draft, name: OptionName, value: string, lookup: Lookup): Promise<Complaints> => {
  const { relay } = into
  if (TlsOptions.isTlsOption(name)) {
    return TlsOptions.set(into.tls, name, value, into.directory) ? accepted : wrongValue(name, value)
  }
  const number = relayNumbers.get(name)
  if (number !== undefined) {
    const [member, parse] = number
    return setNumber(name, value, parse, (n) => {
      relay[member] = n
    })
  }
  if (isFileOption(name)) {
    // An empty path would be the directory.
    if (value === "") return wrongValue(name, value)
    into[files[name]] = resolve(into.directory, value)
    return accepted
  }
  switch (name) {
    case "sync":
      return setSync(relay, name, value)
    case "io-threads":
      return setNumber(name, value, ioThreads, (n) => {
        into.ioThreads = n
      })
    case "priority-boost":
      return setNumber(name, value, priorityBoost, (n) => {
        into.priorityBoost = n
      })
    case "http-port":
      return setHttpPort(into, value, lookup)
    case "http-hosts":
      return setHttpHosts(into, value)
    case "proxy-from":
      return setProxyFrom(relay, value)
    case "log-format":
      return setLogFormat(into, value)
    case "single-viewer":
      relay.singleViewer = true
      break
  }
  return accepted
}

/** Applies one setting. A non-empty answer says why it was not applied. */
export const set = async (into: Draft, name: OptionName, value: string, lookup: Lookup): Promise<Complaints> => {
  switch (name) {
    case "control-port":
      return setAddress(into, "control", value, lookup)
    case "data-port":
      return setAddress(into, "data", value, lookup)
    case "live-port":
      return setAddress(into, "live", value, lookup)
    case "group-output-by-session":
      return setGrouping(into, "session")
    case "group-output-by-host":
      return setGrouping(into, "host")
    case "daemonize":
      into.daemonize = true
      break
    case "background":
      into.background = true
      break
    case "group":
      into.group = value
      break
    case "fd-pool-size":
      return setFdPoolSize(into, value)
    case "output":
      into.output = value
      break
    case "verbose":
      into.verbosity = into.verbosity < verbosityMax ? into.verbosity + 1 : into.verbosity
      break
    case "working-directory":
      into.workingDirectory = value
      break
    case "disallow-clear":
      into.allowClear = false
      break
    case "pid-file":
      into.pidFile = pidFilePath(value, into.directory)
      break
    case "sig-parent":
      into.sigParent = true
      break
    case "dynamic-port-allocation":
      into.dynamicPorts = true
      break
    default:
      return setOwn(into, name, value, lookup)
  }
  return accepted
}
