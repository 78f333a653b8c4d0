/**
 * Asks the system what it may never answer, for instance if a share's server is gone. The caller waits for a bounded
 * time, and while a question is open it is not asked again, so that it holds one thread at most.
 */
import { Effect, Option } from "effect"

/** How long an answer is waited for: a local file system answers in microseconds. */
const patience = "500 millis"

export class Patient<A> {
  readonly #question: () => Promise<A>
  #open: Promise<A | undefined> | undefined

  constructor(question: () => Promise<A>) {
    this.#question = question
  }

  /** The answer; undefined: none in time, or a failure. */
  readonly ask: Effect.Effect<A | undefined> = Effect.suspend(() => {
    this.#open ??= this.#question()
      .catch(() => undefined)
      .finally(() => {
        this.#open = undefined
      })
    const open = this.#open
    return Effect.map(
      Effect.timeoutOption(
        Effect.promise(() => open),
        patience
      ),
      Option.getOrUndefined
    )
  })
}
