/**
 * The directory where the tracing daemons meet: who may enter it, and what ours is called in it.
 *
 * As root the group `tracing` may read it; for users it is private. One level is made each, never a parent, and the
 * directories stay when the daemon goes.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"

export interface RunDirectory {
  readonly path: string
  /** The group that may use the health socket; `undefined` for a user's own daemon. */
  readonly groupId: number | undefined
  readonly warnings: ReadonlyArray<string>
}

/** Null when the group database does not list it. */
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

/** Whether another daemon that is still alive has its health socket here. */
const isShared = (path: string): boolean =>
  readdirSync(path).some((name) => {
    const pid = /^health-([0-9]+)$/.exec(name)?.[1]
    return pid !== undefined && Number(pid) !== process.pid && existsSync(`/proc/${pid}`)
  })

/**
 * Makes both levels. Port files that a dead daemon left are removed, since readers take them for the truth; those of
 * a living one stay until ours replace them. Throws what the file system says.
 */
export const make = (parent: string, group: string): RunDirectory => {
  const asRoot = process.getuid?.() === 0
  const found = asRoot ? groupIdOf(group) : undefined
  const groupId = found === null ? 0 : found
  const path = `${parent}/relayd`
  for (const directory of [parent, path]) makeDirectory(directory, groupId)
  if (!isShared(path)) for (const name of portFileNames) rmSync(`${path}/${name}`, { force: true })
  return { path, groupId, warnings: found === null ? ["No tracing group detected"] : [] }
}
