/**
 * The first half of a start: read the options, answer `--help` and `--version`, and become or start the daemon.
 *
 * In the foreground the process replaces itself, so the daemon has the pid it was started with. With `--daemonize`
 * and `--background` it starts a detached copy and returns when that is ready. It loads nothing heavy.
 */
import { spawn } from "node:child_process"
import { mkdir, stat } from "node:fs/promises"
import type { Readable } from "node:stream"
import * as Arguments from "../../config/Arguments.ts"
import type { DaemonOptions } from "../../config/DaemonOptions.ts"
import { help } from "../../config/Options.ts"
import { packageVersion } from "../../config/PackageVersion.ts"
import * as Resolve from "../../config/Resolve.ts"
import * as ThreadRoom from "../../config/ThreadRoom.ts"
import type { Code } from "../../errors/Catalogue.ts"
import * as SystemError from "../../errors/SystemError.ts"
import { clearTimeout, setTimeout } from "../../Machine.ts"
import { pathOf } from "../../protocol/Text.ts"
import * as LogLine from "../log/LogLine.ts"
import * as LogOutput from "../log/LogOutput.ts"
import * as StopSignals from "../StopSignals.ts"
import * as Activated from "./Activated.ts"
import * as Handover from "./Handover.ts"
import * as Inherited from "./Inherited.ts"
import * as Threads from "./Threads.ts"
import * as TimeZone from "./TimeZone.ts"

/**
 * Runtime flags of the serving process. Little of the garbage it makes lives long: a small young generation halves the
 * resident memory and costs nothing.
 */
const runtimeFlags = ["--max-semi-space-size=4"]

const log = LogOutput.make().write

const print = (message: Resolve.Message, format: DaemonOptions["logFormat"] = "text", code?: Code) => {
  const { text } = message
  const level = message.level === "usage" && format === "json" ? "error" : message.level
  const colored = LogLine.isColored(process.env, process.stderr.isTTY === true)
  const annotations = level === "error" && code !== undefined ? { code } : {}
  log(level === "usage" ? `${text}\n` : LogLine.format({ kind: level, text, annotations }, format, colored))
  if (level === "error" && process.env.LTTNG_ABORT_ON_ERROR === "1") process.kill(process.pid, "SIGABRT")
}

/** What the handover says of the process that was started. */
const started = () => ({ directory: Arguments.directory(), args: Arguments.ofProcess(), parentPid: process.ppid })

/** How the daemon is started: its options, and how many threads it can have for files. */
interface Plan {
  readonly options: DaemonOptions
  readonly threadCount: number
}

const environment = ({ options, threadCount }: Plan, channel: number | undefined): NodeJS.ProcessEnv => ({
  ...process.env,
  UV_THREADPOOL_SIZE: String(threadCount),
  // Freed memory goes back to the system, also what threads freed: an idle relay keeps a tenth less.
  MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? "2",
  MALLOC_TRIM_THRESHOLD_: process.env.MALLOC_TRIM_THRESHOLD_ ?? "65536",
  // If the kernel offers it, file operations are handed over without waking a thread for each.
  UV_USE_IO_URING: process.env.UV_USE_IO_URING ?? "1",
  // Standard error is for the relay's own messages.
  NODE_NO_WARNINGS: "1",
  [Handover.variable]: Handover.encode({ options, ...started(), channel, isHangupDue: StopSignals.isHangupDue() })
})

/** Whether the first stage has given the process its name, flags and environment already. */
const isPrepared = ({ threadCount }: Plan, sockets: ReadonlyArray<Inherited.Socket>): boolean =>
  sockets.length > 0 && process.env.UV_THREADPOOL_SIZE === String(threadCount)

const becomeDaemon = async (entry: string, plan: Plan): Promise<never> => {
  await StopSignals.delivered()
  const args = [Handover.processName, ...runtimeFlags, entry, ...process.argv.slice(2)]
  return process.execve?.(process.execPath, args, environment(plan, undefined)) as never
}

const readinessChannel = 3

/** Answers the launcher's exit status. With `--daemonize` the copy's messages are lost, so it sends its last one. */
const startDetached = (entry: string, plan: Plan): Promise<number> =>
  new Promise((resolve) => {
    const { options } = plan
    const output = options.mode === "background" ? "inherit" : "ignore"
    const child = spawn(process.execPath, [...runtimeFlags, entry, ...process.argv.slice(2)], {
      argv0: Handover.processName,
      cwd: "/",
      detached: true,
      env: environment(plan, readinessChannel),
      stdio: ["ignore", output, output, "pipe"]
    })
    const channel = child.stdio[readinessChannel] as Readable
    let said = ""
    channel.setEncoding("utf8")
    channel.on("data", (text: string) => {
      said += text
      if (said === Handover.ready) resolve(0)
    })
    channel.on("close", () => {
      if (said === Handover.ready) return
      if (said !== "") {
        const { code, text } = Handover.decodeFailure(said)
        print({ level: "error", text }, options.logFormat, code)
      }
      resolve(1)
    })
    child.on("error", (error) => {
      print(
        { level: "error", text: `Cannot start the daemon: ${SystemError.reasonOf(error)}` },
        options.logFormat,
        "START_PROCESS"
      )
      resolve(1)
    })
  })

/** Makes level by level: the runtime's recursive form never returns if a file system refuses with ENOENT. */
const makeDirectories = async (path: string): Promise<void> => {
  const isMissing = ({ code }: NodeJS.ErrnoException) => code === "ENOENT" || code === "ENOTDIR"
  // Fails if the path is too long, before any of it is made.
  const found = await stat(pathOf(path)).catch((cause) => (isMissing(cause) ? undefined : Promise.reject(cause)))
  if (found?.isDirectory() === true) return
  const names = path.split("/").filter((name) => name !== "")
  for (let depth = 1; depth <= names.length; depth++) {
    const directory = pathOf(`/${names.slice(0, depth).join("/")}`)
    await stat(directory).catch(() => mkdir(directory, { mode: 0o770 }))
  }
  if (!(await stat(pathOf(path))).isDirectory()) throw new Error(SystemError.notDirectory)
}

/** A disk that says nothing for so long hangs. */
const silenceMillis = 5000

/** Makes the output directory if it was named; false, with a message, if it cannot be made. */
const makeOutput = async (options: DaemonOptions): Promise<boolean> => {
  if (!options.makeOutput) return true
  const { logFormat, relay } = options
  const { output } = relay
  const told = { level: "warning", text: `The output ${output} does not answer: the relay waits for it` } as const
  const silent = setTimeout(() => print(told, logFormat), silenceMillis)
  const fault = await makeDirectories(output).then(() => undefined, SystemError.reasonOf)
  clearTimeout(silent)
  if (fault === undefined) return true
  print({ level: "error", text: `Unable to create ${output}: ${fault}` }, logFormat, "START_OUTPUT")
  return false
}

/** Serves in this process: its flags and environment cannot be changed any more, except the number of threads. */
const startActivated = async ({ options, threadCount }: Plan): Promise<number | Handover.Handover> => {
  process.env.UV_THREADPOOL_SIZE = String(threadCount)
  const adopted = await Activated.adopt(options)
  if (typeof adopted !== "string") return { options: adopted, ...started() }
  print({ level: "error", text: adopted }, options.logFormat, "START_PORT")
  return 1
}

const start = (entry: string, plan: Plan): Promise<number | Handover.Handover> | Handover.Handover => {
  const { options } = plan
  const sockets = Inherited.take()
  if (Activated.isActivated(process.env)) return startActivated(plan)
  if (options.mode === "foreground" && isPrepared(plan, sockets)) {
    return { options: Inherited.adopt(options, sockets), ...started() }
  }
  Inherited.close(sockets)
  return options.mode === "foreground" ? becomeDaemon(entry, plan) : startDetached(entry, plan)
}

const formatOf = (resolved: Resolve.Resolved): DaemonOptions["logFormat"] => {
  if (resolved._tag === "Refused") return resolved.logFormat
  return resolved._tag === "Run" || resolved._tag === "Check" ? resolved.options.logFormat : "text"
}

/** Answers an exit status, or what this process is to serve; or does not return, since another process serves. */
export const main = async (entry: string): Promise<number | Handover.Handover> => {
  TimeZone.settle()
  const threadsLeft = ThreadRoom.room()
  const settled = Threads.settle(process.env, threadsLeft)
  const resolved = await Resolve.resolve(Resolve.system())
  const threads = ({ ioThreads }: DaemonOptions) => {
    const { complaint, count } = ioThreads === settled.count ? settled : Threads.grant(ioThreads, threadsLeft)
    return { count, complaints: complaint === undefined ? [] : [complaint] }
  }
  const format = formatOf(resolved)
  for (const message of resolved.messages) print(message, format, "START_OPTION")
  switch (resolved._tag) {
    case "Refused":
      return 1
    case "Help":
      process.stdout.write(`${help()}\n`)
      return 0
    case "Version":
      process.stdout.write(`${packageVersion()}\n`)
      return 0
    case "Check": {
      const { complaintsOf } = await import("./Check.ts")
      const isRefused = resolved.messages.some(({ level }) => level === "error")
      const adopted = Activated.isActivated(process.env) ? await Activated.adopt(resolved.options) : resolved.options
      const found =
        typeof adopted === "string"
          ? [{ level: "error" as const, text: adopted }]
          : await complaintsOf(adopted, isRefused)
      const complaints = [...found, ...threads(resolved.options).complaints]
      for (const message of complaints) print(message, resolved.options.logFormat)
      if ([...resolved.messages, ...complaints].some(({ level }) => level !== "warning")) return 1
      process.stdout.write("Nothing keeps the relay from starting with these options\n")
      return 0
    }
    case "Run": {
      const { options } = resolved
      const { complaints, count } = threads(options)
      for (const message of complaints) print(message, format, "START_PROCESS")
      if (complaints.some(({ level }) => level === "error")) return 1
      return (await makeOutput(options)) ? start(entry, { options, threadCount: count }) : 1
    }
  }
}
