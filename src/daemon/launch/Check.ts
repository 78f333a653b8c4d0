/**
 * `--check`: says what would be wrong with a start, without starting. It finds every complaint, not only the first, and
 * makes or writes nothing; ports are bound for a moment, to see that they can be.
 */
import { accessSync, constants, readdirSync, statfsSync, statSync } from "node:fs"
import { totalmem } from "node:os"
import { dirname } from "node:path"
import { Effect, Result } from "effect"
import * as Doubts from "../../access/Doubts.ts"
import { freeBytesMin, freeFileCountMin } from "../../admin/Readiness.ts"
import type { DaemonOptions } from "../../config/DaemonOptions.ts"
import * as Descriptors from "../../config/Descriptors.ts"
import * as ExportVariables from "../../config/ExportVariables.ts"
import * as HttpPort from "../../config/HttpPort.ts"
import { check } from "../../config/RelayConfig.ts"
import type { Message } from "../../config/Resolve.ts"
import * as TextFile from "../../config/TextFile.ts"
import { reasonOf } from "../../errors/SystemError.ts"
import * as FreePorts from "../../transport/FreePorts.ts"
import * as AccessRules from "../files/AccessRules.ts"
import * as TlsFiles from "../files/TlsFiles.ts"
import * as Neighbours from "../Neighbours.ts"
import * as OwnSocket from "../OwnSocket.ts"
import { existing, look, unwritable } from "../Unwritable.ts"
import * as Predecessor from "./Predecessor.ts"

const error = (text: string): Message => ({ level: "error", text })
const warning = (text: string): Message => ({ level: "warning", text })

const namesIn = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

const isDirectory = (path: string): boolean => {
  const found = look(path)
  return typeof found === "object" && found.isDirectory()
}

/** Why the file cannot be made in its directory, which must exist; undefined: it can. */
const unwritableAround = (path: string): string | undefined => {
  const parent = dirname(path)
  return isDirectory(parent) ? unwritable(parent) : `there is no directory ${parent}`
}

/** Why the file can be neither made nor written; undefined: it can. */
const unwritableFile = (path: string): string | undefined => {
  const there = look(path)
  if (typeof there === "string") return there
  if (there === undefined) return unwritableAround(path)
  if (there.isDirectory()) return "it is a directory"
  try {
    accessSync(path, constants.W_OK)
    return undefined
  } catch (cause) {
    return reasonOf(cause)
  }
}

/** Why no socket of that name can be made; undefined: it can. */
const unwritableSocket = (path: string): string | undefined => {
  try {
    return OwnSocket.faultOf(path) ?? unwritableAround(path)
  } catch (cause) {
    return reasonOf(cause)
  }
}

const output = ({ relay }: DaemonOptions): ReadonlyArray<Message> => {
  const reason = unwritable(relay.output)
  if (reason !== undefined) return [error(`The output ${relay.output} cannot be written: ${reason}`)]
  const { bavail, bsize, ffree, files } = statfsSync(existing(relay.output))
  const complaints: Array<Message> = []
  if (bavail * bsize < freeBytesMin) {
    complaints.push(error(`The output ${relay.output} has ${bavail * bsize} bytes of free space`))
  }
  // Some file systems have no table of files, and say 0.
  if (files > 0 && ffree < freeFileCountMin) {
    complaints.push(error(`The output ${relay.output} has room for ${ffree} more files`))
  }
  return complaints
}

/** Warns if journals of edges that an earlier relay left are so many that one owner of all would get no more. */
const journals = ({ relay }: DaemonOptions): ReadonlyArray<Message> => {
  const max = Descriptors.journalCountMaxOf(relay)
  const place = `${relay.output}/.journals`
  const count = namesIn(place).filter((name) => name.endsWith(".history")).length
  if (2 * count < max) return []
  const wanted = "whoever has all of them gets no more: see --max-journals and --suspend"
  return [warning(`${place} has ${count} journals of edges, of ${max}; ${wanted}`)]
}

const directories = (options: DaemonOptions): ReadonlyArray<Message> => {
  const { healthPath, isRunDirectoryNamed, pidFile, runDirectory, workingDirectory } = options
  const complaints: Array<Message> = []
  if (workingDirectory !== undefined && !isDirectory(workingDirectory)) {
    complaints.push(error(`The working directory ${workingDirectory} is not there`))
  }
  for (const [name, path] of Object.entries({ "PID file": pidFile, "log file": options.logFile })) {
    const reason = path === undefined ? undefined : unwritableFile(path)
    if (reason !== undefined) complaints.push(error(`The ${name} ${path} cannot be written: ${reason}`))
  }
  const fault = healthPath === undefined ? undefined : unwritableSocket(healthPath)
  if (fault !== undefined) complaints.push(error(`The health socket ${healthPath} cannot be made: ${fault}`))
  const reason = runDirectory === undefined ? "the user has no home" : unwritable(runDirectory)
  if (reason !== undefined) {
    const level = isRunDirectoryNamed ? error : warning
    const which = runDirectory === undefined ? "" : ` ${runDirectory}`
    complaints.push(level(`The run directory${which} cannot be made, so no health socket and no port files: ${reason}`))
  }
  return complaints
}

const token = ({ httpTokenFile: path }: DaemonOptions): ReadonlyArray<Message> => {
  if (path === undefined) return []
  try {
    const fault = TextFile.secretFault(TextFile.textOf(path))
    if (fault !== undefined) return [error(`The HTTP token file ${path} ${fault}`)]
    const { mode } = statSync(path)
    return (mode & 0o004) === 0 ? [] : [warning(`The HTTP token file ${path} can be read by everybody`)]
  } catch (cause) {
    return [error(`The HTTP token file cannot be read: ${reasonOf(cause)}`)]
  }
}

/** A balancer tells of those that it has seen. */
const certificatesOf = ({ relay, tls }: DaemonOptions): Doubts.Shown => {
  const isTold = (relay.proxyFrom ?? []).length > 0
  const isAsked = tls?.clientCa !== undefined
  const always = isAsked && (["control", "data", "live"] as const).every((port) => tls[port] === "require")
  return { maybe: isTold || isAsked, always: always && !isTold }
}

const access = (options: DaemonOptions): ReadonlyArray<Message> => {
  const { access: path } = options
  if (path === undefined) return []
  const file = Effect.runSync(Effect.result(AccessRules.read(path)))
  if (Result.isFailure(file)) return [error(file.failure.message)]
  const doubts = [...Doubts.of(file.success), ...Doubts.ofPeers(file.success, certificatesOf(options))]
  return doubts.map((doubt) => warning(`The access file ${path}: ${doubt}`))
}

const tls = ({ tls: files }: DaemonOptions): ReadonlyArray<Message> => {
  if (files === undefined) return []
  const { errors, warnings } = TlsFiles.complaintsOf(files)
  return [...errors.map(error), ...warnings.map(warning)]
}

/** Whoever may connect from a balancer's address can say that it is anybody. */
const balancers = ({ relay: { proxyFrom = [] } }: DaemonOptions): ReadonlyArray<Message> =>
  proxyFrom
    .filter((range) => range.endsWith("/0"))
    .map((range) => warning(`--proxy-from has all addresses (${range}): everybody is believed who they say they are`))

const limits = ({ relay }: DaemonOptions, isRefused: boolean): ReadonlyArray<Message> => {
  const complaints: Array<Message> = []
  const checked = Effect.runSync(Effect.result(check(relay)))
  if (Result.isFailure(checked) && !isRefused) complaints.push(error(checked.failure.reason))
  const doubt = Descriptors.doubtOf(relay)
  if (doubt !== undefined) complaints.push(warning(doubt))
  const memory = relay.memoryBytesMax + relay.liveCacheBytes
  if (memory > totalmem()) complaints.push(warning(`The memory limits are ${memory} bytes, the machine has less`))
  return complaints
}

const tcpPorts = ({ httpPort, relay }: DaemonOptions): ReadonlyArray<FreePorts.Place> => [
  ...(["control", "data", "live"] as const).map((name) => ({ name, ...relay[name] })),
  ...(httpPort?._tag === "Tcp" ? [{ name: "http", ...httpPort }] : [])
]

type Before = Predecessor.Predecessor | undefined

const ports = async (options: DaemonOptions, before: Before): Promise<ReadonlyArray<Message>> => {
  const { httpPort, httpTokenFile } = options
  const others = tcpPorts(options).filter(({ port }) => before?.ports.has(port) !== true)
  const complaints = (await FreePorts.complaints(others)).map(error)
  if (httpPort?._tag === "Unix" && before?.paths.has(httpPort.path) !== true) {
    const fault = unwritableSocket(httpPort.path)
    const reason = fault ?? ((await OwnSocket.isTaken(httpPort.path)) ? "Address already in use" : undefined)
    if (reason !== undefined) complaints.push(error(`The http socket ${httpPort.path} cannot be made: ${reason}`))
  }
  if (httpPort !== undefined && httpTokenFile === undefined && HttpPort.isLocal(httpPort)) {
    complaints.push(warning("Without --http-token-file the HTTP port can only be read, nothing can be done over it"))
  }
  return complaints
}

/** Warns of what the relay has that runs with the same output: it ends before another start with it. */
const predecessor = async (options: DaemonOptions, before: Before): Promise<ReadonlyArray<Message>> => {
  if (before === undefined) return []
  const { httpPort, relay } = options
  const taken = tcpPorts(options).flatMap(({ name, port }) => (before.ports.has(port) ? [`the ${name} port`] : []))
  if (httpPort?._tag === "Unix" && before.paths.has(httpPort.path)) taken.push("the http socket")
  if ((await Neighbours.complaint(relay.output)) !== undefined) taken.push("sessions of edges")
  if (taken.length === 0) return []
  return [
    warning(`A relay runs with this output, process ${before.pid}, and has ${taken.join(", ")}: it must end first`)
  ]
}

/** All complaints, in the order of a start. `isRefused`: what is wrong with options' values has been said already. */
export const complaintsOf = async (options: DaemonOptions, isRefused: boolean): Promise<ReadonlyArray<Message>> => {
  const before = await Predecessor.find(options.relay.output)
  return [
    ...limits(options, isRefused),
    ...ExportVariables.complaints(process.env).map(error),
    ...directories(options),
    ...output(options),
    ...balancers(options),
    ...journals(options),
    ...token(options),
    ...tls(options),
    ...access(options),
    ...(await ports(options, before)),
    ...(await predecessor(options, before))
  ]
}
