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

export class OpenSlices<Label> {
  readonly #open: Array<{ readonly name: string; readonly label: Label }> = []

  /** `slice`: undefined for an event record that stands alone. */
  next(slice: SliceEnd | undefined, label: Label): Outcome<Label> {
    if (slice === undefined) return { left: [], phase: "instant", label }
    if (slice.phase === "begin") {
      this.#open.push({ name: slice.name, label })
      return { left: [], phase: "begin", label }
    }
    const depth = this.#open.findLastIndex(({ name }) => name === slice.name)
    if (depth === -1) return { left: [], phase: "instant", label }
    const left = this.#open.splice(depth + 1).reverse()
    const own = this.#open.pop()
    return { left: left.map((each) => each.label), phase: "end", label: own?.label ?? label }
  }

  /** Ends all slices when nothing more comes: answers the labels of those left open, the innermost first. */
  close(): ReadonlyArray<Label> {
    return this.#open
      .splice(0)
      .map(({ label }) => label)
      .reverse()
  }
}
