/**
 * Files that exist while the daemon runs: the pid file, the port files, and the health socket.
 *
 * Each is written aside and renamed into place, so a reader sees all of it or none. Removal spares a file that
 * another daemon has put in its place meanwhile. A link, a device or a pipe is the operator's: it is written through,
 * and stays. Synchronous: used at start and at exit, when nothing else may run.
 */
import { constants, lstatSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

export interface OwnFiles {
  /** Writes a file that `removeAll` will remove. Throws what the file system says. */
  readonly write: (path: string, text: string, mode: number) => void
  /** Has `removeAll` remove a file that was made otherwise. */
  readonly adopt: (path: string) => void
  readonly remove: (path: string) => void
  readonly removeAll: () => void
}

const inodeOf = (path: string): string | undefined => {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`
}

const quietly = (action: () => void): boolean => {
  try {
    action()
    return true
  } catch {
    return false
  }
}

/** Removes a file, or empties it if that fails. Never throws, so that the other files are removed, too. */
const removeQuietly = (path: string): void => {
  if (!quietly(() => rmSync(path))) quietly(() => truncateSync(path))
}

const { O_CREAT, O_NONBLOCK, O_TRUNC, O_WRONLY } = constants

/** Writes to what is there. A pipe that nobody reads fails, instead of holding up the start. */
const writeInPlace = (path: string, text: string, mode: number): void =>
  writeFileSync(path, text, { mode, flag: (O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK) as unknown as string })

/** Writes a file aside and renames it into place; answers its device and inode. */
const replace = (path: string, text: string, mode: number): string | undefined => {
  // Daemons that start together in one run directory write the same files.
  const aside = `${dirname(path)}/.lttng-relayd.${process.pid}.tmp`
  try {
    writeFileSync(aside, text, { mode })
    const inode = inodeOf(aside)
    renameSync(aside, path)
    return inode
  } catch (error) {
    quietly(() => rmSync(aside))
    throw error
  }
}

export const make = (): OwnFiles => {
  const inodes = new Map<string, string | undefined>()
  const remove = (path: string) => {
    const inode = inodes.get(path)
    if (inode !== undefined && inodeOf(path) === inode) removeQuietly(path)
    inodes.delete(path)
  }
  return {
    write: (path, text, mode) => {
      const there = lstatSync(path, { throwIfNoEntry: false })
      if (there !== undefined && !there.isFile()) return writeInPlace(path, text, mode)
      try {
        inodes.set(path, replace(path, text, mode))
      } catch (error) {
        if (there === undefined) throw error
        // The file may be ours to write where its directory is not.
        writeInPlace(path, text, mode)
        inodes.set(path, inodeOf(path))
      }
    },
    adopt: (path) => {
      inodes.set(path, inodeOf(path))
    },
    remove,
    removeAll: () => {
      for (const path of [...inodes.keys()]) remove(path)
    }
  }
}
