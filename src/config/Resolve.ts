/**
 * Makes `DaemonOptions` from command line, environment and INI files.
 *
 * Later wins: defaults, environment, system INI, user INI, the `--config` INI, command line. A wrong value on the
 * command line refuses the start; one in an INI file is reported and skipped, as the reference does, except for a
 * conflict of grouping and for options that only this relay has. `--check` goes on and collects. Nothing is
 * created, bound or printed here.
 */
import { dirname, resolve as resolvePath } from "node:path"
import * as SystemError from "../errors/SystemError.ts"
import { textOf } from "../protocol/Text.ts"
import * as Arguments from "./Arguments.ts"
import { type DaemonOptions, daemonDefaults, type LogFormat } from "./DaemonOptions.ts"
import { processLimitMin } from "./Descriptors.ts"
import { type Draft, draft, type Lookup, set } from "./Draft.ts"
import * as Environment from "./Environment.ts"
import { fileLimit } from "./FileLimit.ts"
import * as Getopt from "./Getopt.ts"
import * as HttpPort from "./HttpPort.ts"
import * as Ini from "./Ini.ts"
import { type OptionName, options } from "./Options.ts"
import type { ListenAddress, RelayConfig } from "./RelayConfig.ts"
import * as TextFile from "./TextFile.ts"
import * as TlsOptions from "./TlsOptions.ts"
import { switchValue } from "./Value.ts"

export interface Message {
  /** `usage` lines carry no level of their own. */
  readonly level: "error" | "warning" | "usage"
  readonly text: string
}

export type Resolved = { readonly messages: ReadonlyArray<Message> } & (
  | { readonly _tag: "Run"; readonly options: DaemonOptions }
  | { readonly _tag: "Version" }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Refused"; readonly logFormat: LogFormat }
  /** `--check`: the options as far as they could be read; `messages` has all that is wrong with them. */
  | { readonly _tag: "Check"; readonly options: DaemonOptions }
)

/** The world that options are read from; tests replace it. */
export interface Sources {
  readonly args: ReadonlyArray<string>
  readonly env: Environment.Variables
  readonly systemIni: string
  /** Reads a text file; throws if there is none. */
  readonly readFile: (path: string) => string
  readonly lookup: Lookup
  /** The soft limit on open descriptors. */
  readonly fileLimit: number
  /** The directory at which relative paths start; absent: the process's working directory. */
  readonly directory?: string
}

/** The real system. `directory` is where the daemon was started, `args` its arguments. */
export const system = (directory = Arguments.directory(), args = Arguments.ofProcess()): Sources => ({
  args,
  env: process.env,
  systemIni: "/etc/lttng/lttng.conf",
  readFile: (path) => textOf(TextFile.bytesOf(resolvePath(directory, path))),
  lookup: async (host, family) => (await (await import("node:dns/promises")).lookup(host, { family })).address,
  fileLimit: fileLimit(),
  directory
})

const optionNamed = new Map(options.map((option) => [option.name as string, option]))

interface Found {
  readonly messages: Array<Message>
  readonly isCheck: boolean
}

/** Applies one file's `[relayd]` section; answers what keeps it from being read. */
const applyIni = async (sources: Sources, into: Draft, path: string, { isCheck, messages }: Found) => {
  let text: string
  try {
    text = sources.readFile(path)
  } catch (unread) {
    return { unread, conflict: false }
  }
  for (const { key, value } of Ini.entries(text, "relayd")) {
    const option = optionNamed.get(key)
    if (option === undefined) {
      messages.push({ level: "warning", text: `Unrecognized option "${key}" in daemon configuration file.` })
      continue
    }
    if (["help", "config", "version", "check"].includes(key)) continue
    if (option.argument === undefined) {
      const on = switchValue(value)
      if (on === undefined) {
        messages.push({ level: "warning", text: `Invalid configuration value "${value}" for option ${key}` })
      }
      if (on === undefined || on === 0) continue
      if (option.name === "verbose") {
        into.verbosity = on
        continue
      }
    }
    const complaints = await set(into, option.name, value, sources.lookup)
    messages.push(...complaints.map((complaint): Message => ({ level: "error", text: complaint })))
    // The reference does not know our own options: skipping a limit that is written wrong would leave none.
    const isFatal = option.name.startsWith("group-output-by") || option.own === true
    if (complaints.length > 0 && isFatal && !isCheck) return { conflict: true }
  }
  return { conflict: false }
}

/** What is wrong with the number of descriptors, which depends on the process, once all sources have been read. */
const checkFilePool = (sources: Sources, draft: Draft): ReadonlyArray<string> => {
  const size = draft.fdPoolSize
  const limit = sources.fileLimit
  if (size === undefined) {
    return limit >= processLimitMin
      ? []
      : [
          `The process' file number limit is too low (${limit}). ` +
            `The process' file number limit must be set to at least ${processLimitMin}.`
        ]
  }
  if (size < 100) return ["File descriptor pool size must be set to at least 100"]
  if (size > limit) {
    return [`File descriptor pool size argument (${size}) exceeds the process' soft limit (${limit}).`]
  }
  return []
}

/** Refuses ports 0 unless the system may choose ports. Those of INI files are only reported and skipped. */
const checkZeroPorts = (
  draft: Draft,
  fromIni: ReadonlySet<ListenAddress>,
  { isCheck, messages }: Found
): ReadonlyArray<string> => {
  if (draft.dynamicPorts) return []
  const found: Array<string> = []
  for (const name of ["control", "data", "live"] as const) {
    const address = draft[name]
    const complaints = address === undefined ? undefined : draft.zeroPorts.get(address)
    if (address === undefined || complaints === undefined) continue
    if (!fromIni.has(address)) {
      if (!isCheck) return complaints
      found.push(...complaints)
      continue
    }
    messages.push(...complaints.map((text): Message => ({ level: "error", text })))
    delete draft[name]
  }
  return found
}

/** Descriptors that are left to the runtime and its libraries. */
const fdReserve = 10

/** Port 0 stays 0 only under dynamic allocation; then a missing address is also left to the system. */
const listenAddress = (draft: Draft, from: ListenAddress | undefined, standard: ListenAddress): ListenAddress => {
  const address = from ?? { ...standard, port: 0 }
  return address.port !== 0 || draft.dynamicPorts ? address : { ...address, port: standard.port }
}

const finish = (sources: Sources, draft: Draft, keepAlive: RelayConfig["keepAlive"]): DaemonOptions => {
  const { env } = sources
  const home = Environment.home(env)
  const runDirectory = Environment.runDirectory(env)
  const { relay } = daemonDefaults
  return {
    ...daemonDefaults,
    relay: {
      ...relay,
      ...draft.relay,
      output: draft.output ?? (home === undefined ? "" : `${home}/lttng-traces`),
      control: listenAddress(draft, draft.control, relay.control),
      data: listenAddress(draft, draft.data, relay.data),
      live: listenAddress(draft, draft.live, relay.live),
      grouping: draft.grouping ?? relay.grouping,
      fdPoolSize: (draft.fdPoolSize ?? sources.fileLimit) - fdReserve,
      keepAlive,
      socketTimeoutMillis: Environment.socketTimeoutMillis(env)
    },
    mode: draft.background ? "background" : draft.daemonize ? "daemonize" : "foreground",
    makeOutput: draft.output !== undefined,
    pidFile: draft.pidFile,
    sigParent: draft.sigParent,
    group: draft.group ?? daemonDefaults.group,
    workingDirectory: draft.workingDirectory,
    runDirectory: runDirectory.path,
    isRunDirectoryNamed: runDirectory.isNamed,
    healthPath: env.LTTNG_RELAYD_HEALTH || undefined,
    verbosity: draft.verbosity,
    logFormat: draft.logFormat ?? daemonDefaults.logFormat,
    logFile: draft.logFile,
    abortOnError: env.LTTNG_ABORT_ON_ERROR === "1",
    ioThreads: draft.ioThreads ?? (Number.parseInt(env.UV_THREADPOOL_SIZE ?? "", 10) || daemonDefaults.ioThreads),
    priorityBoost: draft.priorityBoost ?? daemonDefaults.priorityBoost,
    httpPort: draft.httpPort,
    httpTokenFile: draft.httpTokenFile,
    httpHosts: draft.httpHosts,
    access: draft.access,
    testpoints: Environment.testpoints(env)
  }
}

const isMissing = (unread: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((unread as NodeJS.ErrnoException).code ?? "")

/** Applies the three INI files in order. False: the start must be refused. */
const applyIniFiles = async (
  sources: Sources,
  into: Draft,
  settings: ReadonlyArray<Getopt.Setting>,
  found: Found
): Promise<boolean> => {
  const named = settings.findLast((setting) => setting.name === "config")?.value
  const home = Environment.home(sources.env)
  for (const path of [sources.systemIni, home === undefined ? undefined : `${home}/.lttng/lttng.conf`, named]) {
    if (path === undefined) continue
    const { conflict, unread } = await applyIni(sources, into, path, found)
    if (conflict) return false
    const isNamed = path === named
    // Most hosts have none of the others.
    if (unread === undefined || (!isNamed && isMissing(unread))) continue
    const text = `Failed to open daemon configuration file at ${path}: ${SystemError.reasonOf(unread)}`
    found.messages.push({ level: "error", text })
    if (isNamed && !found.isCheck) return false
  }
  return true
}

/** Why no start is possible with the options on any machine. */
const unusable = ({ httpPort, httpTokenFile, relay }: DaemonOptions, isOutputGiven: boolean): ReadonlyArray<string> => {
  const isExposed = httpPort !== undefined && httpTokenFile === undefined && !HttpPort.isLocal(httpPort)
  if (!isOutputGiven && relay.output === "") {
    return ["There is no home directory to put traces in: give -o, --output PATH"]
  }
  if (!isOutputGiven && !relay.output.startsWith("/")) {
    return [`The home directory ${dirname(relay.output)} is no absolute path: give -o, --output PATH, or another`]
  }
  return [
    ...(relay.output.startsWith("/") ? [] : ["Please specify an absolute path for -o, --output PATH"]),
    ...(isExposed ? ["--http-port beyond loopback needs --http-token-file"] : [])
  ]
}

/** The log format for a start that is refused, whichever option it was refused for. */
const logFormatOf = (settings: ReadonlyArray<Getopt.Setting>, { logFormat }: Draft): LogFormat => {
  const asked = settings.findLast(({ name }) => name === "log-format")?.value
  return asked === "json" || (asked === undefined && logFormat === "json") ? "json" : "text"
}

export const resolve = async (sources: Sources): Promise<Resolved> => {
  const messages: Array<Message> = []
  // The reference reads these variables before any option, so complaints about them come first.
  const keepAlive = Environment.keepAlive(sources.env, (text, level = "error") => messages.push({ level, text }))
  const parsed = Getopt.parse(sources.args, sources.env.POSIXLY_CORRECT !== undefined)
  const into = draft(sources.directory ?? Arguments.directory())
  const refused = (): Resolved => ({ _tag: "Refused", messages, logFormat: logFormatOf(parsed.settings, into) })
  const isCheck = parsed.settings.some(({ name }) => name === "check")
  if (parsed._tag === "Malformed") {
    const shown = isCheck ? parsed.messages : [parsed.message]
    for (const text of shown) messages.push({ level: "usage", text: `lttng-relayd: ${text}` })
    if (!isCheck) return refused()
  }
  /** Reports the texts; true: they end the start here. */
  const refuses = (...texts: ReadonlyArray<string>): boolean => {
    messages.push(...texts.map((text): Message => ({ level: "error", text })))
    return texts.length > 0 && !isCheck
  }
  into.workingDirectory = sources.env.LTTNG_RELAYD_WORKING_DIRECTORY
  if (!(await applyIniFiles(sources, into, parsed.settings, { messages, isCheck }))) return refused()
  const fromIni = new Set(into.zeroPorts.keys())
  const seen = new Set<OptionName>()
  for (const { name, value } of parsed.settings) {
    if (name === "help") return { _tag: "Help", messages }
    seen.add(name)
    if (refuses(...(await set(into, name, value, sources.lookup)))) return refused()
  }
  if (refuses(...checkZeroPorts(into, fromIni, { messages, isCheck }), ...checkFilePool(sources, into)))
    return refused()
  if (into.allowClear) {
    const disallow = Environment.disallowClear(sources.env)
    if (disallow === "invalid" && refuses("Invalid value for LTTNG_RELAYD_DISALLOW_CLEAR specified")) return refused()
    into.relay.allowClear = disallow !== true
  } else into.relay.allowClear = false
  const tls = TlsOptions.finish(into.tls)
  if (typeof tls === "string" && refuses(tls)) return refused()
  const options = { ...finish(sources, into, keepAlive), tls: typeof tls === "string" ? undefined : tls }
  if (seen.has("version")) return { _tag: "Version", messages }
  if (refuses(...unusable(options, into.output !== undefined))) return refused()
  return isCheck ? { _tag: "Check", options, messages } : { _tag: "Run", options, messages }
}
