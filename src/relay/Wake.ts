/**
 * One fiber that waits until plain code calls it. It may yield between its look at the state and its wait: what was
 * called meanwhile had nobody to wake, so `isDue` is asked again as the wait begins.
 */
import { Effect } from "effect"
import { queueMicrotask } from "../Machine.ts"

export class Wake {
  readonly #isDue: () => boolean
  #resume: (() => void) | undefined

  constructor(isDue: () => boolean) {
    this.#isDue = isDue
  }

  /** For the fiber: done when it is due, or called. */
  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.#isDue()) resume(Effect.void)
    else this.#resume = () => resume(Effect.void)
  })

  /** Lets the fiber go on, if it waits: it may run, and even end, within this call. */
  call(): void {
    this.#take()?.()
  }

  /** The same, but not within this call. */
  callLater(): void {
    const resume = this.#take()
    if (resume !== undefined) queueMicrotask(resume)
  }

  #take(): (() => void) | undefined {
    const resume = this.#resume
    this.#resume = undefined
    return resume
  }
}
