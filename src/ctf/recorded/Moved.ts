/**
 * What became of a file after it was listed: whether it has changed, and where it is if its directory was renamed. A
 * relay renames a trace chunk while it is written, and puts it among the archives when it is complete.
 */
import { readdirSync, type Stats, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathOf, textOf } from "../../protocol/Text.ts"

/** Undefined if nothing is there, or it cannot be looked at. */
export const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(pathOf(path), { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Device and inode, which stay the same under whatever name. */
export const identityOf = ({ dev, ino }: Stats): string => `${dev}:${ino}`

/** A file as it was when it was listed. */
export interface Listed {
  readonly path: string
  readonly byteCount: number
  /** By this it is found again when its directory was renamed. */
  readonly identity: string
  /** When it was written last. */
  readonly changedMillis: number
}

export const listed = (path: string, stat: Stats): Listed => ({
  path,
  byteCount: stat.size,
  identity: identityOf(stat),
  changedMillis: stat.mtimeMs
})

/** Whether it was written, cut, replaced, moved or removed since it was listed. */
const hasChanged = ({ byteCount, changedMillis, identity, path }: Listed): boolean => {
  const stat = statOf(path)
  if (stat === undefined || identityOf(stat) !== identity) return true
  return stat.size !== byteCount || stat.mtimeMs !== changedMillis
}

const archives = "archives"
/** So many names of a directory are tried, the last ones: they begin with a time, and the renaming was a moment ago. */
const candidatesMax = 64
/** How often it is looked for: it may be renamed again meanwhile. */
const attempts = 3

const namesIn = (path: string): ReadonlyArray<string> => {
  try {
    return readdirSync(pathOf(path), { encoding: "buffer" }).map(textOf).sort().slice(-candidatesMax)
  } catch {
    return []
  }
}

/** A trace lies no deeper in its chunk: `ust/uid/0/64-bit`. */
const depthMax = 6

const within = (above: string, below: string, identity: string): string | undefined => {
  // The first directory of `below` is the chunk, or the file was in none.
  const tails = [below.slice(below.indexOf("/") + 1), below]
  for (const place of [above, join(above, archives)]) {
    const hidden = place === above ? [".tmp_old_chunk", ".tmp_new_chunk"] : []
    for (const name of [...hidden, ...namesIn(place)]) {
      for (const tail of tails) {
        const candidate = join(place, name, tail)
        const stat = statOf(candidate)
        if (stat !== undefined && identityOf(stat) === identity) return candidate
      }
    }
  }
  return undefined
}

/** Looks in the nearest directory first, then further up. */
const look = (path: string, identity: string): string | undefined => {
  let above = dirname(path)
  let below = basename(path)
  for (let depth = 0; depth < depthMax && above !== dirname(above); depth++) {
    const found = within(above, below, identity)
    if (found !== undefined) return found
    below = join(basename(above), below)
    above = dirname(above)
  }
  return undefined
}

/** Where the file is now that was at `path`; undefined: it is gone. */
export const find = (path: string, identity: string): string | undefined => {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = look(path, identity)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Whether what was read of these files may have been some of it before and some after they changed. Who writes is
 * asked first: whoever did, and was not found under the name that the directory had, has changed them.
 */
export const isUnsettled = (
  directory: string,
  listed: ReadonlyArray<Listed>,
  isWritten: ((directory: string) => boolean) | undefined
): boolean => listed.length > 0 && (isWritten?.(directory) === true || listed.some(hasChanged))
