/** Commands for one fiber, which carries them out one at a time, in the order in which they came. */
import { Effect } from "effect"
import { queueMicrotask } from "../../Machine.ts"

/** Commands wait here one at a time per control connection; more than this is a bug. */
const mailboxCountMax = 64

export class Mailbox {
  readonly #commands: Array<Effect.Effect<void>> = []
  #isClosed = false
  /** Lets the fiber go on, while it waits. */
  #wake: (() => void) | undefined

  /** False: too many wait. */
  post(command: Effect.Effect<void>): boolean {
    if (this.#commands.length === mailboxCountMax) return false
    this.#commands.push(command)
    // Not within this call: the fiber would run at once, before the caller waits for what it asked.
    if (this.#wake !== undefined) queueMicrotask(() => this.#goOn())
    return true
  }

  /** The fiber ends when it has carried out what has come; if that is nothing, within this call. */
  close(): void {
    this.#isClosed = true
    this.#goOn()
  }

  #goOn(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  readonly #called = Effect.callback<void>((resume) => {
    if (this.#commands.length > 0 || this.#isClosed) resume(Effect.void)
    else this.#wake = () => resume(Effect.void)
  })

  /** The fiber. */
  get run(): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => this.#commands.length > 0 || !this.#isClosed,
      body: () => this.#commands.shift() ?? this.#called,
      step: () => {}
    })
  }
}
