/**
 * Files that were found shorter than a journal's history says, and were filled up with zeros. Either the earlier relay
 * removed or emptied them after its last mark, which is then repeated and takes them off this list; or their bytes are
 * lost.
 */
import { dirname } from "node:path"

export interface Blank {
  readonly path: string
  /** How many bytes were found of the `size` that the file should have. */
  readonly found: number
  readonly size: number
}

/** The path, and the directories above it. */
const pathsUpFrom = (path: string): ReadonlyArray<string> =>
  path === dirname(path) ? [path] : [path, ...pathsUpFrom(dirname(path))]

export class Blanks {
  readonly #all = new Map<string, Blank>()
  /** Paths by all directories above them: each mark of each journal asks for those in its own. */
  readonly #below = new Map<string, Set<string>>()

  get isEmpty(): boolean {
    return this.#all.size === 0
  }

  add(blank: Blank): void {
    const found = Math.min(blank.found, this.#all.get(blank.path)?.found ?? blank.found)
    this.#all.set(blank.path, { ...blank, found })
    for (const at of pathsUpFrom(blank.path)) this.#below.set(at, (this.#below.get(at) ?? new Set()).add(blank.path))
  }

  /** To be called when the file was removed or emptied. */
  remove(path: string): void {
    if (!this.#all.delete(path)) return
    for (const at of pathsUpFrom(path)) {
      const below = this.#below.get(at)
      below?.delete(path)
      if (below?.size === 0) this.#below.delete(at)
    }
  }

  rename(from: string, to: string): void {
    this.remove(to)
    for (const blank of this.within([from])) {
      this.remove(blank.path)
      this.add({ ...blank, path: to + blank.path.slice(from.length) })
    }
  }

  within(directories: Iterable<string>): ReadonlyArray<Blank> {
    const paths = new Set([...directories].flatMap((directory) => [...(this.#below.get(directory) ?? [])]))
    return [...paths].flatMap((path) => this.#all.get(path) ?? [])
  }
}
