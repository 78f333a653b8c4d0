/**
 * Files that exist while the daemon runs: the pid file, the port files, and the health socket.
 *
 * Each is written aside and renamed into place, so a reader sees all of it or none. Removal spares a file that
 * another daemon has put in its place meanwhile. Synchronous: used at start and at exit, when nothing else may run.
 */
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs"

export interface OwnFiles {
  /** Writes a file that `removeAll` will remove. Throws what the file system says. */
  readonly write: (path: string, text: string, mode: number) => void
  /** Takes on a file that was made otherwise. */
  readonly adopt: (path: string) => void
  readonly remove: (path: string) => void
  readonly removeAll: () => void
}

const inodeOf = (path: string): string | undefined => {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`
}

/** A file that cannot be removed must not keep the others. */
const removeQuietly = (path: string): void => {
  try {
    rmSync(path)
  } catch {
    // Gone, or no longer ours to remove: either way there is nothing left to do at exit.
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
      // Daemons that start together in one run directory write the same files.
      const aside = `${path}.${process.pid}.tmp`
      writeFileSync(aside, text, { mode })
      const inode = inodeOf(aside)
      try {
        renameSync(aside, path)
      } catch (error) {
        removeQuietly(aside)
        throw error
      }
      inodes.set(path, inode)
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
