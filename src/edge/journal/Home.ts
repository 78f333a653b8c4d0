/**
 * The directory of a journal, behind a lock: many may use it at once (`stays`), and it is renamed (`moves`) or removed
 * (`goes`) only when nobody does.
 */
import { Effect, Semaphore } from "effect"

const usersMax = 1_000_000

export class Home {
  #directory: string
  readonly #users = Semaphore.makeUnsafe(usersMax)

  constructor(directory: string) {
    this.#directory = directory
  }

  get directory(): string {
    return this.#directory
  }

  /** The directory keeps its name while `work` is done. */
  stays<A, E>(work: (directory: string) => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return this.#users.withPermits(1)(Effect.suspend(() => work(this.#directory)))
  }

  /** `renamed` gives it the name `to`, while nobody uses what is in it. */
  moves<E>(to: string, renamed: (from: string) => Effect.Effect<void, E>): Effect.Effect<void, E> {
    return this.goes((from) =>
      Effect.map(renamed(from), () => {
        this.#directory = to
      })
    )
  }

  /** `removed` does away with it, while nobody uses what is in it. */
  goes<E>(removed: (directory: string) => Effect.Effect<void, E>): Effect.Effect<void, E> {
    return this.#users.withPermits(usersMax)(Effect.uninterruptible(Effect.suspend(() => removed(this.#directory))))
  }
}
