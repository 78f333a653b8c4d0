/**
 * What changes while a check looks at it: a relay began to record it, rotated, cleared or overwrote it. The check has
 * seen some of it before and some of it after: it can tell nothing of it, and nothing there may be changed.
 *
 * What is open for writing is asked again before directories are listed again: whoever closed a file before that has
 * changed it.
 */
import { basename, dirname } from "node:path"
import * as CtfIndex from "../protocol/CtfIndex.ts"
import type { Entry, Tree } from "./Tree.ts"

const signatureOf = (entries: ReadonlyArray<Entry>): string =>
  entries.map(({ byteCount, changedAt, kind, name }) => `${name}/${kind}/${byteCount}/${changedAt}`).join("\n")

/** The directories of these files, and all above them. */
export const directoriesOf = (files: Iterable<string>): ReadonlySet<string> => {
  const found = new Set<string>()
  for (const path of files) {
    const names = path.split("/").slice(0, -1)
    for (let count = names.length; count >= 0; count--) found.add(names.slice(0, count).join("/"))
  }
  return found
}

const parentOf = (path: string): string => (path.includes("/") ? dirname(path) : "")

/** Where a finding about a path is: in that directory, or in that of this file. */
const placesOf = (path: string): ReadonlyArray<string> => {
  const parent = parentOf(path)
  return basename(parent) === CtfIndex.directory ? [parent, parentOf(parent)] : [path, parent]
}

export class Meanwhile {
  /** Remembers what its directories were when they were listed first. */
  readonly tree: Tree
  readonly #origin: Tree
  readonly #seen = new Map<string, string>()
  readonly #looked = new Map<string, boolean>()
  #busy: ReadonlySet<string> | undefined

  constructor(tree: Tree) {
    this.#origin = tree
    this.tree = {
      ...tree,
      list: (path) => {
        const entries = tree.list(path)
        if (!this.#seen.has(path)) this.#seen.set(path, signatureOf(entries))
        return entries
      }
    }
  }

  /** The directory that is not what it was: this one, or that of this file. To be asked when all was looked at. */
  at(path: string): string | undefined {
    const place = placesOf(path).find((place) => this.#isChanged(place))
    return place !== undefined && basename(place) === CtfIndex.directory ? parentOf(place) : place
  }

  #isChanged(directory: string): boolean {
    const seen = this.#seen.get(directory)
    if (seen === undefined) return false
    this.#busy ??= directoriesOf(this.#origin.written?.() ?? [])
    const known = this.#looked.get(directory) ?? (this.#busy.has(directory) || this.#now(directory) !== seen)
    this.#looked.set(directory, known)
    return known
  }

  /** Undefined: it has gone. */
  #now(directory: string): string | undefined {
    try {
      return signatureOf(this.#origin.list(directory))
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
      return undefined
    }
  }
}
