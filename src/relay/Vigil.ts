/**
 * Keeps the event loop awake for a moment after it has answered a target that waits for each answer. The target's next
 * command comes within some ten microseconds, or within a hundred if its own processor has gone to sleep meanwhile;
 * ours would take as long again to wake up.
 *
 * Only a quick succession of answers to one connection asks for it. It is not done while processors are short: they do
 * not sleep then, and the target may be waiting for this one.
 */
import { clockMillis, setImmediate } from "../Machine.ts"
import { Streak } from "./Streak.ts"

/**
 * The next packet, or a large one's first part, follows an answer within this, on processors that take 40 µs to wake.
 * Less ends just before it, and costs both: the waiting and the sleep.
 */
const awakeMillis = 0.15

/** Two answers to one connection closer than this: the target waits for each. */
export const successionMillis = 0.3

/** A connection that has so many quick answers in a row is alone. */
const loneCountMin = 16

export class Vigil {
  readonly #isShort: () => boolean
  #until = 0
  #isKept = false
  /** Quick answers in a row to one connection, known by its number. */
  readonly #answers = new Streak<number>(0)

  /** `isShort`: whether processors are short, see `thread/Contention`. */
  constructor(isShort: () => boolean) {
    this.#isShort = isShort
  }

  /** One target alone waits for each answer, and has just had one. */
  get isForOne(): boolean {
    return this.#isKept && this.#answers.count >= loneCountMin
  }

  /** To be called when a connection, here its number, has had an answer soon after the one before; `now` in ms. */
  keep(now: number, connection: number): void {
    this.#answers.add(connection)
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
