/**
 * How long a journal waits between two attempts to bring it to the relay: twice as long each time. It begins anew once
 * an attempt has got on: the relay has more of the journal than ever before, or has held the connection for as long as
 * one waits at most. That it has opened the journal is not enough, since it may end that at once, each time.
 */

const millisMin = 20
const millisMax = 5000

/** What the relay has said that it has. Neither number ever gets smaller. */
interface Has {
  readonly received: number
  readonly durable: number
}

export class Backoff {
  readonly #journal: Has
  #waitMillis = millisMin
  #before: Has
  #upSince: number | undefined

  constructor(journal: Has) {
    this.#journal = journal
    this.#before = { ...journal }
  }

  /** The relay takes the journal, at this time. */
  up(now: number): void {
    this.#upSince = now
  }

  /** An attempt has failed, at this time. Answers how long the next one waits. */
  failed(now: number): number {
    const { durable, received } = this.#journal
    const hasGained = received > this.#before.received || durable > this.#before.durable
    const isHeld = this.#upSince !== undefined && now - this.#upSince >= millisMax
    const waitMillis = hasGained || isHeld ? millisMin : this.#waitMillis
    this.#before = { durable, received: Math.max(received, this.#before.received) }
    this.#upSince = undefined
    this.#waitMillis = Math.min(millisMax, 2 * waitMillis)
    return waitMillis
  }
}
