/**
 * Keeps the event loop awake for a moment after the answer to a target that waits for each one. Its next command comes
 * within some ten microseconds; a processor that has gone to sleep meanwhile takes as long again to wake up.
 *
 * It costs nothing where nobody waits: only a quick succession of answers to one connection asks for it, and not while
 * processors are short: they do not sleep then, and the target may be waiting for this one.
 */
import { clockMillis, setImmediate } from "../Machine.ts"

/** The next packet, or a large one's first part, follows an answer within this; a sleep would cost about as much. */
const awakeMillis = 0.05

/** Two answers to one connection closer than this: the target waits for each. */
export const successionMillis = 0.3

export class Vigil {
  readonly #isShort: () => boolean
  #until = 0
  #isKept = false

  /** `isShort`: processors are, see `thread/Contention`. */
  constructor(isShort: () => boolean) {
    this.#isShort = isShort
  }

  keep(now: number): void {
    if (this.#isShort()) return
    this.#until = now + awakeMillis
    if (this.#isKept) return
    this.#isKept = true
    setImmediate(this.#turn)
  }

  /** The loop polls without waiting as long as something is due immediately. */
  readonly #turn = (): void => {
    if (clockMillis() < this.#until) setImmediate(this.#turn)
    else this.#isKept = false
  }
}
