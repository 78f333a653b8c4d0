/**
 * Child processes with a scope, and what /proc knows about them.
 *
 * Every process is ended when its scope closes: asked first, killed after a limit. CPU time and memory are those of
 * the whole tree, so a relay that moves its work into helper processes gains nothing in the table.
 */
import * as childProcess from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as net from "node:net"
import { Effect, Schema, type Scope } from "effect"

const stopLimitMs = 10_000
const pollMs = 5
/** USER_HZ is 100 on every Linux Node runs on; it is part of the kernel's interface to user space. */
const ticksPerSecond = 100

export class CannotRun extends Schema.TaggedError<CannotRun>()("CannotRun", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

export interface Options {
  readonly env?: Record<string, string>
  readonly stdin?: "pipe" | "ignore"
}

export interface Running {
  readonly child: childProcess.ChildProcess
  readonly pid: number
  /** The last lines of standard error, for a message when something went wrong. */
  readonly complaint: () => string
  readonly exited: Promise<number | null>
}

const launch = (command: string, args: ReadonlyArray<string>, options: Options): Promise<Running> => {
  const child = childProcess.spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: [options.stdin ?? "ignore", "pipe", "pipe"]
  })
  let errors = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-2000)
  })
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve))
  return once(child, "spawn").then(() => ({
    child,
    pid: child.pid as number,
    complaint: () => errors.trim().split("\n").slice(-3).join(" / "),
    exited
  }))
}

export const stop = (running: Running): Effect.Effect<void> =>
  Effect.promise(async () => {
    running.child.kill("SIGTERM")
    const timer = setTimeout(() => running.child.kill("SIGKILL"), stopLimitMs)
    await running.exited
    clearTimeout(timer)
  })

export const spawn = (
  command: string,
  args: ReadonlyArray<string>,
  options: Options = {}
): Effect.Effect<Running, CannotRun, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => launch(command, args, options),
      catch: (cause) => new CannotRun({ reason: `cannot start ${command}: ${cause}` })
    }),
    stop
  )

export interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Runs to the end; a command that cannot be started has code 127, as in a shell. */
export const run = (command: string, args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.callback<Outcome>((resume) => {
    const child = childProcess.execFile(
      command,
      args,
      { env: { ...process.env, ...env }, timeout: 120_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 127
        resume(Effect.succeed({ code, output: stdout + stderr }))
      }
    )
    child.stdin?.end()
  })

const readOrEmpty = (file: string) => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return "" // the process ended between the listing and now
  }
}

export const has = (command: string) =>
  (process.env.PATH ?? "").split(":").some((folder) => fs.existsSync(`${folder}/${command}`))

export const freePorts = (count: number): Effect.Effect<ReadonlyArray<number>> =>
  Effect.promise(async () => {
    const servers = Array.from({ length: count }, () => net.createServer().listen(0, "127.0.0.1"))
    await Promise.all(servers.map((server) => once(server, "listening")))
    const ports = servers.map((server) => (server.address() as net.AddressInfo).port)
    await Promise.all(servers.map((server) => once(server.close(), "close")))
    return ports
  })

/** Without a connection, which would be the first that it sees. */
const listensOn = (port: number): boolean => {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")} `
  const tables = `${readOrEmpty("/proc/net/tcp")}\n${readOrEmpty("/proc/net/tcp6")}`
  return tables.split("\n").some((line) => {
    const [, address = "", , state = ""] = line.trim().split(/\s+/)
    return state === "0A" && `${address} `.endsWith(local)
  })
}

/** The process of this machine that listens on a port, if it may be seen who that is. */
export const listener = (port: number): number | undefined => {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  const tables = `${readOrEmpty("/proc/net/tcp")}\n${readOrEmpty("/proc/net/tcp6")}`
  const sockets = tables.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    return fields[3] === "0A" && fields[1]?.endsWith(local) === true ? [`socket:[${fields[9]}]`] : []
  })
  const holds = (pid: string) =>
    listed(`/proc/${pid}/fd`).some((fd) => sockets.includes(linkOrEmpty(`/proc/${pid}/fd/${fd}`)))
  const found = listed("/proc").find((name) => /^\d+$/.test(name) && holds(name))
  return found === undefined ? undefined : Number(found)
}

const listed = (folder: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(folder)
  } catch {
    return [] // somebody else's, or gone
  }
}

const linkOrEmpty = (file: string): string => {
  try {
    return fs.readlinkSync(file)
  } catch {
    return ""
  }
}

const listenLimitMs = 15_000

/** Waits until `running` listens; a process that ends first fails with its own words. */
export const listening = (running: Running, port: number) =>
  Effect.tryPromise({
    try: async () => {
      const until = Date.now() + listenLimitMs
      while (!listensOn(port)) {
        if (running.child.exitCode !== null || running.child.signalCode !== null) throw new Error(running.complaint())
        if (Date.now() > until) throw new Error("it does not listen")
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    },
    catch: (cause) => new CannotRun({ reason: `${running.child.spawnfile} did not start: ${cause}` })
  })

const quietMs = 100
const quietLimitMs = 3_000

/** Waits until it has nothing to do any more: its start is over. */
export const quiet = (pid: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    const until = Date.now() + quietLimitMs
    for (let before = Number.NaN; Date.now() < until; ) {
      const now = usage(pid).cpuSeconds
      if (now === before) return
      before = now
      await new Promise((resolve) => setTimeout(resolve, quietMs))
    }
  })

export interface Usage {
  readonly cpuSeconds: number
  readonly peakMiB: number
  readonly residentMiB: number
}

const parents = (): ReadonlyMap<number, number> => {
  const found = new Map<number, number>()
  for (const name of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue
    const stat = readOrEmpty(`/proc/${name}/stat`)
    const rest = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    found.set(Number(name), Number(rest[1]))
  }
  return found
}

const kilobytes = (status: string, field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)

/** Sums over `pid` and all its living descendants; ended ones are in their parent's `cutime`. */
export const usage = (pid: number): Usage => {
  const parentOf = parents()
  const inTree = (candidate: number): boolean =>
    candidate === pid || (parentOf.has(candidate) && candidate > 1 && inTree(parentOf.get(candidate) ?? 0))
  let ticks = 0
  let peak = 0
  let resident = 0
  for (const candidate of parentOf.keys()) {
    if (!inTree(candidate)) continue
    const stat = readOrEmpty(`/proc/${candidate}/stat`)
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    const status = readOrEmpty(`/proc/${candidate}/status`)
    peak += kilobytes(status, "VmHWM")
    resident += kilobytes(status, "VmRSS")
  }
  return { cpuSeconds: ticks / ticksPerSecond, peakMiB: peak / 1024, residentMiB: resident / 1024 }
}

/** Of this process alone, and quickly. */
export const residentMiB = (pid: number): number => kilobytes(readOrEmpty(`/proc/${pid}/status`), "VmRSS") / 1024

export interface MachineTimes {
  /** Processor seconds that all processes of the machine have used so far, and what was stolen. */
  readonly busy: number
  /** Processor seconds in which the host of a virtual machine ran something else. */
  readonly stolen: number
}

export const machineTimes = (): MachineTimes => {
  const fields = (readOrEmpty("/proc/stat").split("\n")[0] ?? "").trim().split(/\s+/).slice(1, 9).map(Number)
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0)
  const all = fields.reduce((sum, ticks) => sum + ticks, 0)
  return { busy: (all - idle) / ticksPerSecond, stolen: (fields[7] ?? 0) / ticksPerSecond }
}
