/**
 * When several targets wait for answers, those of one look at the sockets leave together, at its end. The first wakes
 * up the targets' processor, and the others find it awake. Sent one by one, between the packets of others, each would
 * find it asleep again; and the interrupt that wakes a processor costs as much as all else about an answer.
 *
 * One target alone has its answer at once.
 */
import { setImmediate } from "../Machine.ts"

/** Fewer answers than this, in one look, are not worth a wait. */
const crowdCountMin = 4

export class Outbox {
  #count = 0
  /** How many answered in the look before: this one is likely to be like it. */
  #countBefore = 0
  #waiting: Array<() => void> = []
  #leaving: Array<() => void> = []

  /** True: `send` is called when this look at the sockets is over; false: now is the time to do so. */
  post(send: () => void): boolean {
    if (this.#count++ === 0) setImmediate(this.#onLooked)
    if (this.#countBefore < crowdCountMin) return false
    this.#waiting.push(send)
    return true
  }

  readonly #onLooked = (): void => {
    this.#countBefore = this.#count
    this.#count = 0
    const leaving = this.#waiting
    this.#waiting = this.#leaving
    this.#leaving = leaving
    for (const send of leaving) send()
    leaving.length = 0
  }
}
