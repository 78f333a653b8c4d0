/**
 * How long a refused peer may say nothing before its connection is ended (streaming.md §6.1). Real peers then wait for
 * what never comes, and fail only when the connection ends; others try again, as soon as they can.
 */
import { clearTimeout, setImmediate, setTimeout } from "../../Machine.ts"

/** Together with all that `lttng` does besides, a command that is refused takes less than 0.3 s. */
const silenceMillis = 150
/** A peer that was slow before, as on a busy machine, gets this many times the longest that it took to go on. */
const reactionShare = 50
/** But no longer than this: all `lttng` commands of its host may be waiting. */
const silenceMillisMax = 1000

export class RefusalGrace {
  readonly #letGo: () => void
  #timer: NodeJS.Timeout | undefined
  #answeredAt = Number.POSITIVE_INFINITY
  /** The longest that the peer took from an answer to what it said next. */
  #reactionMillis = 0
  /** It was refused and said something else: it does not wait. */
  #hasGoneOn = false

  constructor(letGo: () => void) {
    this.#letGo = letGo
  }

  answered(nowMillis: number): void {
    this.#answeredAt = nowMillis
  }

  heard(nowMillis: number): void {
    if (this.#hasGoneOn) return
    if (this.#timer !== undefined) this.goOn()
    else this.#reactionMillis = Math.max(this.#reactionMillis, nowMillis - this.#answeredAt)
  }

  refused(): void {
    if (this.#hasGoneOn) return
    const millis = Math.min(silenceMillisMax, Math.max(silenceMillis, this.#reactionMillis * reactionShare))
    // What came while this loop was held up is read before the immediate.
    this.#timer = setTimeout(() => setImmediate(() => this.#timer !== undefined && this.#letGo()), millis)
  }

  /** Another command came, in the same read perhaps. */
  goOn(): void {
    if (this.#timer !== undefined) this.#hasGoneOn = true
    this.stop()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
