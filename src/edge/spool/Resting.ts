/**
 * Remembers journals of other edges that the relay has completely. Their edge may not know yet and ask again; without
 * the mark that is left here, the journal would begin anew.
 */
import { Effect } from "effect"
import { Remembered } from "../../model/Remembered.ts"
import * as About from "../journal/About.ts"
import type { Journal } from "../journal/Journal.ts"
import type { Place } from "./Recovery.ts"

export type Options = Place

/** Marks that are kept, of all owners: an edge that is gone for good would never let its go. */
const markCountMax = 4096

export class Resting {
  readonly #options: Options
  readonly #tokens = new Remembered(markCountMax)

  constructor(options: Options) {
    this.#options = options
  }

  has(token: string): boolean {
    return this.#tokens.has(token)
  }

  /** A journal of which only the mark is left. */
  add(token: string, owner: string): Effect.Effect<void> {
    return Effect.uninterruptible(
      Effect.suspend(() =>
        Effect.forEach(this.#tokens.add(token, owner), (gone) => this.#unmark(gone), { discard: true })
      )
    )
  }

  /** The edge before will not ask for it any more. */
  remove(token: string): Effect.Effect<void> {
    const removed = Effect.suspend(() => {
      if (!this.#tokens.has(token)) return Effect.void
      this.#tokens.delete(token)
      return this.#unmark(token)
    })
    return Effect.uninterruptible(removed)
  }

  #unmark(token: string): Effect.Effect<void> {
    const { directory, files } = this.#options
    return Effect.forEach(
      [true, false],
      (isPassed) => About.remove(files, `${directory}/${About.nameOf(token, isPassed)}`),
      { discard: true }
    )
  }

  /** The same for a journal that the relay may not have forgotten. `isHere`: its forwarder is there, and tells it. */
  release(journal: Journal, isHere: () => boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { token } = journal
      yield* Effect.ignore(About.keepAsOwn(this.#options, journal.home, token))
      // From now on its forwarder removes it when it is done with it, or was done with it already.
      journal.isForgotten = true
      if (!isHere()) yield* this.remove(token)
    })
  }

  /** Its directory was put aside, and is still there. */
  isAside(token: string): Effect.Effect<boolean> {
    return About.isAside(this.#options, token)
  }
}
