/** Who watches which directories: found by a path, however many watch others, as a relay may have thousands. */
import { dirname } from "node:path"

/** The directories that one watches; tells of changes. */
export class Prefixes extends Set<string> {
  onChange: ((directory: string, isIn: boolean) => void) | undefined

  override add(directory: string): this {
    super.add(directory)
    this.onChange?.(directory, true)
    return this
  }

  override delete(directory: string): boolean {
    this.onChange?.(directory, false)
    return super.delete(directory)
  }

  override clear(): void {
    for (const directory of this) this.onChange?.(directory, false)
    super.clear()
  }
}

interface Watching {
  readonly prefixes: Prefixes
}

export class Watches<W extends Watching> {
  /** The number of each: the order in which they came. */
  readonly #numbers = new Map<W, number>()
  readonly #byDirectory = new Map<string, Set<W>>()
  #count = 0

  get size(): number {
    return this.#numbers.size
  }

  [Symbol.iterator](): Iterator<W> {
    return this.#numbers.keys()
  }

  add(watch: W): void {
    this.#numbers.set(watch, ++this.#count)
    for (const directory of watch.prefixes) this.#enter(directory, watch)
    watch.prefixes.onChange = (directory, isIn) => {
      if (isIn) this.#enter(directory, watch)
      else this.#leave(directory, watch)
    }
  }

  /** False: it was not there. */
  delete(watch: W): boolean {
    if (!this.#numbers.delete(watch)) return false
    watch.prefixes.onChange = undefined
    for (const directory of watch.prefixes) this.#leave(directory, watch)
    return true
  }

  #enter(directory: string, watch: W): void {
    this.#byDirectory.set(directory, (this.#byDirectory.get(directory) ?? new Set()).add(watch))
  }

  #leave(directory: string, watch: W): void {
    const watches = this.#byDirectory.get(directory)
    watches?.delete(watch)
    if (watches?.size === 0) this.#byDirectory.delete(directory)
  }

  /** The one that came first, of those that watch the path, or a directory above it, and are meant. */
  of(path: string, isMeant: (watch: W) => boolean): W | undefined {
    let found: W | undefined
    let number = Number.POSITIVE_INFINITY
    for (let at = path; ; at = dirname(at)) {
      for (const watch of this.#byDirectory.get(at) ?? []) {
        const own = this.#numbers.get(watch) ?? number
        if (own >= number || !isMeant(watch)) continue
        found = watch
        number = own
      }
      if (at === dirname(at)) return found
    }
  }
}
