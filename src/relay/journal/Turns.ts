/**
 * Turns of journals: of each one thing at a time. They do not wait for each other, since the disk of one may hang for
 * ever.
 */
import { Effect, Semaphore } from "effect"

interface Turn {
  readonly semaphore: Semaphore.Semaphore
  userCount: number
}

export class Turns {
  /** By token; those that somebody has, or waits for. */
  readonly #turns = new Map<string, Turn>()

  get count(): number {
    return this.#turns.size
  }

  /** `work`, in the turn of the journal. */
  of<A, E>(token: string, work: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const enter = Effect.sync(() => {
      const turn = this.#turns.get(token) ?? { semaphore: Semaphore.makeUnsafe(1), userCount: 0 }
      turn.userCount++
      this.#turns.set(token, turn)
      return turn
    })
    const leave = (turn: Turn) =>
      Effect.sync(() => {
        if (--turn.userCount === 0) this.#turns.delete(token)
      })
    return Effect.acquireUseRelease(enter, ({ semaphore }) => semaphore.withPermits(1)(work), leave)
  }
}
