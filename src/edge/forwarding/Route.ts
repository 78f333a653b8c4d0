/** Where an edge's relay is, which may be elsewhere from one moment to the next. */
import { Deferred, Effect, Exit } from "effect"
import type { Addresses } from "./plain/Conversation.ts"

export class Route {
  to: Addresses
  #moved = Deferred.makeUnsafe<void>()

  constructor(to: Addresses) {
    this.to = to
  }

  /** The relay is at another address from now on. */
  redirect(to: Addresses): void {
    const moved = this.#moved
    this.to = to
    this.#moved = Deferred.makeUnsafe<void>()
    Deferred.doneUnsafe(moved, Exit.void)
  }

  /** Done when the relay is somewhere else than `at`, where somebody looks for it. */
  movedFrom(at: Addresses): Effect.Effect<void> {
    return Effect.suspend(() => (this.to === at ? Deferred.await(this.#moved) : Effect.void))
  }
}
