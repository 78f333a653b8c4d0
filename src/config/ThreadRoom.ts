/** How many threads the system still lets this process have. */
import { readdirSync, readFileSync } from "node:fs"

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
