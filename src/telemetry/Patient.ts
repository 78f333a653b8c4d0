/**
 * Questions to the system that it may never answer, as when a share's server is gone. The caller waits for a bounded
 * time, and while one question is open no other is put, so that they hold one thread and no more.
 */
import { Effect, Option } from "effect"

/** A local file system answers in microseconds. */
const patience = "500 millis"

export class Patient<A> {
  readonly #question: () => Promise<A>
  #open: Promise<A | undefined> | undefined

  constructor(question: () => Promise<A>) {
    this.#question = question
  }

  /** Undefined: no answer in time, or a failure. */
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
