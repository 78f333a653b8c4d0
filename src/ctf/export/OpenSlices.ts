/**
 * The slices that have begun on one thread and not ended: the end of one closes those that were left open inside it, an
 * end without a begin stands alone. `Label` is what readers are shown; an end has that of its begin.
 */
import type { SliceEnd } from "./SliceRules.ts"

export interface Outcome<Label> {
  /** Labels of the slices that were left open inside the one that ends, the innermost first. */
  readonly left: ReadonlyArray<Label>
  readonly phase: "begin" | "end" | "instant"
  readonly label: Label
}

/** How many more slices may be open, of all threads of a trace together. */
export interface Room {
  left: number
}

export class OpenSlices<Label> {
  readonly #room: Room
  #latest = 0n
  readonly #open: Array<{ readonly name: string; readonly label: Label }> = []
  /** How many of a name are open, so that an end without a begin need not look through all of them. */
  readonly #counts = new Map<string, number>()
  /** Begins for which there was no room, by name: their ends come before those of the slices around them. */
  readonly #skipped = new Map<string, number>()

  constructor(room: Room = { left: Number.POSITIVE_INFINITY }) {
    this.#room = room
  }

  /** When what begins or ends now is shown: never before what began or ended last, although clocks may go back. */
  at(time: bigint): bigint {
    if (time > this.#latest) this.#latest = time
    return this.#latest
  }

  /** `slice`: undefined for an event record that stands alone. */
  next(slice: SliceEnd | undefined, label: Label): Outcome<Label> {
    if (slice === undefined) return { left: [], phase: "instant", label }
    if (slice.phase === "begin") {
      if (this.#room.left <= 0) {
        this.#skipped.set(slice.name, (this.#skipped.get(slice.name) ?? 0) + 1)
        return { left: [], phase: "instant", label }
      }
      this.#room.left--
      this.#open.push({ name: slice.name, label })
      this.#counts.set(slice.name, (this.#counts.get(slice.name) ?? 0) + 1)
      return { left: [], phase: "begin", label }
    }
    if (this.#isSkipped(slice.name) || !this.#counts.has(slice.name)) return { left: [], phase: "instant", label }
    const left: Array<Label> = []
    for (let last = this.#pop(); last !== undefined; last = this.#pop()) {
      if (last.name === slice.name) return { left, phase: "end", label: last.label }
      left.push(last.label)
    }
    return { left, phase: "instant", label }
  }

  /** Ends all slices when nothing more comes: answers the labels of those left open, the innermost first. */
  close(): ReadonlyArray<Label> {
    this.#counts.clear()
    this.#room.left += this.#open.length
    return this.#open
      .splice(0)
      .map(({ label }) => label)
      .reverse()
  }

  #isSkipped(name: string): boolean {
    const count = this.#skipped.get(name)
    if (count === undefined) return false
    if (count > 1) this.#skipped.set(name, count - 1)
    else this.#skipped.delete(name)
    return true
  }

  #pop() {
    const last = this.#open.pop()
    if (last === undefined) return undefined
    this.#room.left++
    const count = (this.#counts.get(last.name) ?? 0) - 1
    if (count > 0) this.#counts.set(last.name, count)
    else this.#counts.delete(last.name)
    return last
  }
}
