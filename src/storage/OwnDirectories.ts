/**
 * Directories that a party has to itself below one that several share: those of snapshots, in the one of their
 * sessions. What is done there is no change of the others' (`Watch`), and no shadow of theirs stands there.
 */
import { dirname } from "node:path"

export class OwnDirectories {
  /** By absolute path: who is there, each as often as it has entered. */
  readonly #parties = new Map<string, ReadonlyArray<string>>()

  /** `party` is in `path`, until what is answered is called. */
  enter(path: string, party: string): () => void {
    this.#parties.set(path, [...(this.#parties.get(path) ?? []), party])
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      const parties = this.#parties.get(path) ?? []
      const at = parties.indexOf(party)
      if (parties.length <= 1) this.#parties.delete(path)
      else this.#parties.set(path, parties.toSpliced(at, 1))
    }
  }

  /** `party` is in `path`. */
  has(path: string, party: string): boolean {
    return this.#parties.get(path)?.includes(party) === true
  }

  /** Somebody else is in `path`, too. */
  isShared(path: string, party: string): boolean {
    return this.#parties.get(path)?.some((each) => each !== party) === true
  }

  /** The path lies where others are, and `party` is not. */
  isOfOthers(path: string, party: string): boolean {
    if (this.#parties.size === 0) return false
    for (let at = path; ; at = dirname(at)) {
      const parties = this.#parties.get(at)
      if (parties !== undefined) return !parties.includes(party)
      if (at === dirname(at)) return false
    }
  }
}
