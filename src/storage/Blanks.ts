/**
 * Files that were found shorter than a journal's history says, and were filled up with zeros. Either the earlier relay
 * removed or emptied them after its last mark, which is then repeated and takes them off this list; or their bytes are
 * lost.
 */
import { isWithin } from "./Within.ts"

export interface Blank {
  readonly path: string
  /** How many bytes were found of the `size` that the file should have. */
  readonly found: number
  readonly size: number
}

export class Blanks {
  readonly #all = new Map<string, Blank>()

  get isEmpty(): boolean {
    return this.#all.size === 0
  }

  add(blank: Blank): void {
    const found = Math.min(blank.found, this.#all.get(blank.path)?.found ?? blank.found)
    this.#all.set(blank.path, { ...blank, found })
  }

  /** To be called when the file was removed or emptied. */
  remove(path: string): void {
    this.#all.delete(path)
  }

  rename(from: string, to: string): void {
    const only = new Set([from])
    this.#all.delete(to)
    for (const blank of [...this.#all.values()]) {
      if (!isWithin(blank.path, only)) continue
      this.#all.delete(blank.path)
      this.add({ ...blank, path: to + blank.path.slice(from.length) })
    }
  }

  within(directories: ReadonlySet<string>): ReadonlyArray<Blank> {
    return [...this.#all.values()].filter(({ path }) => isWithin(path, directories))
  }
}
