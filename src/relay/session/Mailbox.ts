/** Commands for one fiber, which carries them out one at a time, in the order in which they came. */
import { Effect } from "effect"
import { Wake } from "../Wake.ts"

/** Commands wait here one at a time per control connection; more than this is a bug. */
const mailboxCountMax = 64

export class Mailbox {
  readonly #commands: Array<Effect.Effect<void>> = []
  #isClosed = false
  readonly #wake = new Wake(() => this.#commands.length > 0 || this.#isClosed)

  /** False: too many wait. */
  post(command: Effect.Effect<void>): boolean {
    if (this.#commands.length === mailboxCountMax) return false
    this.#commands.push(command)
    // The fiber would run at once, before the caller waits for what it asked.
    this.#wake.callLater()
    return true
  }

  /** The fiber ends when it has carried out what has come; if that is nothing, within this call. */
  close(): void {
    this.#isClosed = true
    this.#wake.call()
  }

  /** The fiber. */
  get run(): Effect.Effect<void> {
    return Effect.whileLoop({
      while: () => this.#commands.length > 0 || !this.#isClosed,
      body: () => this.#commands.shift() ?? this.#wake.wait,
      step: () => {}
    })
  }
}
