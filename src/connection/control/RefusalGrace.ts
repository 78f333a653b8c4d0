/**
 * How long a refused peer may say nothing before its connection is ended (streaming.md §6.1). Real peers wait for more
 * of the reply, which never comes, and fail only when the connection ends; others try again as soon as they can.
 */
import { clearTimeout, setImmediate, setTimeout } from "../../Machine.ts"

/** So short that a refused `lttng` command takes less than 0.3 s as a whole. */
const silenceMillis = 150
/** A peer that was slow before, as on a busy machine, gets this many times the longest that it took to go on. */
const reactionShare = 50
/** But no longer than this: all `lttng` commands of its host may be waiting. */
const silenceMillisMax = 1000

export class RefusalGrace {
  readonly #letGo: () => void
  #timer: NodeJS.Timeout | undefined
  #answeredAt = Number.POSITIVE_INFINITY
  /** ms that the peer took at most from an answer to what it said next. */
  #reactionMillis = 0
  /** The peer was refused and went on: it is none that waits for more of the reply. */
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
    // If this loop was held up, what came meanwhile is read before the immediate runs.
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
