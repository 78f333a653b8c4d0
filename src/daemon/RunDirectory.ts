/**
 * The directory where the tracing daemons meet: who may enter it, and ours within it.
 *
 * If we are root, the group `tracing` may read it; a user's is private. Only these two levels are made, never a parent
 * of them, and they stay when the daemon ends.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"

export interface RunDirectory {
  readonly path: string
  /** The group that may use the health socket; `undefined` for a user's own daemon. */
  readonly groupId: number | undefined
  /** Process id of another relay that runs here, to which the port files belong; undefined: there is none. */
  readonly occupant: number | undefined
  readonly warnings: ReadonlyArray<string>
}

/** A group's id; null if the group database does not list it. */
const groupIdOf = (name: string): number | null => {
  try {
    for (const line of readFileSync("/etc/group", "utf8").split("\n")) {
      const [group, , id] = line.split(":")
      if (group === name && id !== undefined) return Number(id)
    }
  } catch {
    // No group database: as if the group did not exist.
  }
  return null
}

const privateMode = 0o700
const sharedMode = 0o755

const makeDirectory = (path: string, groupId: number | undefined): void => {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) mkdirSync(path, { mode: privateMode })
  if (groupId === undefined) return
  chownSync(path, 0, groupId)
  chmodSync(path, sharedMode)
}

const portFileNames = ["control.port", "data.port", "live.port"] as const

const isRelay = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("lttng-relayd")
  } catch {
    return false
  }
}

/** Process id of a living daemon that has its health socket here, and so its port files. */
const occupantOf = (path: string): number | undefined =>
  readdirSync(path)
    .map((name) => Number(/^health-([0-9]+)$/.exec(name)?.[1]))
    .find((pid) => pid > 0 && pid !== process.pid && isRelay(pid))

/**
 * Makes both levels. Port files that a dead daemon left are removed, since readers would believe them; those of a
 * living one stay. Throws the file system's errors.
 */
export const make = (parent: string, group: string): RunDirectory => {
  const asRoot = process.getuid?.() === 0
  const found = asRoot ? groupIdOf(group) : undefined
  const groupId = found === null ? 0 : found
  const path = `${parent}/relayd`
  for (const directory of [parent, path]) makeDirectory(directory, groupId)
  const occupant = occupantOf(path)
  if (occupant === undefined) for (const name of portFileNames) rmSync(`${path}/${name}`, { force: true })
  return { path, groupId, occupant, warnings: found === null ? ["No tracing group detected"] : [] }
}
