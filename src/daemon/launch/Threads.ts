/**
 * How many threads the system still lets this process have. The runtime makes those for files all at once, and ends
 * without a word if it gets one too few: so fewer are asked for, or the start is refused.
 */
import { readdirSync, readFileSync } from "node:fs"
import { daemonDefaults } from "../../config/DaemonOptions.ts"
import type { Message } from "../../config/Resolve.ts"

/** Threads beside those for files: for writing, the HTTP port, the kernel's own for a ring, a child that notifies. */
const reserve = 12
/** The least threads for files: with fewer one stalled disk would hold up all others. */
const least = 4

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

const numberOf = (path: string): number => Number.parseInt(textOf(path), 10)

/** Threads left in the control groups that the process is in, up to the root that it sees. */
const ofGroups = (): number => {
  const [, controllers = "", group = ""] = /^\d+:(|(?:.*,)?pids(?:,.*)?):(.*)$/m.exec(textOf("/proc/self/cgroup")) ?? []
  const root = `/sys/fs/cgroup${controllers === "" ? "" : "/pids"}`
  const names = group.split("/").filter((name) => name !== "")
  const rooms = [...names.keys(), names.length].map((depth) => {
    const at = [root, ...names.slice(0, depth)].join("/")
    return numberOf(`${at}/pids.max`) - numberOf(`${at}/pids.current`)
  })
  return Math.min(Number.POSITIVE_INFINITY, ...rooms.filter((room) => !Number.isNaN(room)))
}

/** A user's limit above this is ignored: nobody chose it, and counting takes longer the more processes there are. */
const countedMax = 4096

/** Threads left to the user, over all of its processes; root has no limit. */
const ofUser = (): number => {
  const user = process.getuid?.() ?? 0
  const limit = Number(/^Max processes\s+(\S+)/m.exec(textOf("/proc/self/limits"))?.[1])
  if (user === 0 || !(limit <= countedMax)) return Number.POSITIVE_INFINITY
  const counts = readdirSync("/proc").map((name) => {
    const status = /^\d+$/.test(name) ? textOf(`/proc/${name}/status`) : ""
    return Number(/^Uid:\t(\d+)/m.exec(status)?.[1]) === user ? Number(/^Threads:\t(\d+)/m.exec(status)?.[1]) : 0
  })
  return limit - counts.reduce((sum, count) => sum + count, 0)
}

export const room = (): number => Math.min(ofGroups(), ofUser())

export interface Grant {
  readonly count: number
  readonly complaint?: Message
}

/** How many of the `asked` threads for files there can be if the system lets the process have `left` more. */
export const grant = (asked: number, left: number): Grant => {
  const count = left - reserve
  if (asked <= count) return { count: asked }
  const limit = "(ulimit -u, or pids.max of its control group)"
  const why = `The system lets the relay have ${Math.max(0, left)} more threads ${limit}`
  if (count >= least)
    return { count, complaint: { level: "warning", text: `${why}: ${count} are for files, not ${asked}` } }
  return { count: least, complaint: { level: "error", text: `${why}: it needs ${reserve + least}` } }
}

const variable = "UV_THREADPOOL_SIZE"

/** Bounds this process's threads for files, before the runtime makes any; answers what is granted if no option asks. */
export const settle = (env: NodeJS.ProcessEnv, left: number): Grant => {
  const granted = grant(Number.parseInt(env[variable] ?? "", 10) || daemonDefaults.ioThreads, left)
  if (granted.complaint !== undefined) env[variable] = String(granted.count)
  return granted
}
