/**
 * Keeps the event loop awake for a moment after it has answered a target that waits for each answer. The target's next
 * command comes within some ten microseconds, or within a hundred if its own processor has gone to sleep meanwhile;
 * ours would take as long again to wake up.
 *
 * Only a quick succession of answers to one connection asks for it. It is not done while processors are short: they do
 * not sleep then, and the target may be waiting for this one.
 */
import { clockMillis, setImmediate } from "../Machine.ts"

/**
 * The next packet, or a large one's first part, follows an answer within this, on processors that take 40 µs to wake.
 * Less ends just before it, and costs both: the waiting and the sleep.
 */
const awakeMillis = 0.15

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
