/**
 * Decides when a journal is marked (`Marking`): after so many bytes or so long, sooner if its edge's spool is small.
 */
import { clearTimeout, clockMillis, setTimeout } from "../../Machine.ts"

/** How much, and for how long, an edge has to keep although the relay has carried it out. */
const bytesMax = 32 * 1024 * 1024
const millisMax = 1000
/** Less, if this share of the edge's spool is less. */
const spoolShare = 1 / 8
const bytesMin = 64 * 1024
/** While a mark is made nothing is carried out: marks may take this share of the time. */
const timeShare = 1 / 20

export class MarkPace {
  /** A mark is due at once. */
  isAsked = false
  #markedAt = 0
  #tookMillis = 0
  #byteCount = 0

  add(byteCount: number): void {
    this.#byteCount += byteCount
  }

  /** By the clock. `spoolBytes`: what the edge may keep, as far as is known. */
  dueAt(spoolBytes = Number.POSITIVE_INFINITY): number {
    // An edge without room begins no packet that it need not; and within a packet no mark can be made.
    if (this.isAsked || this.#byteCount >= spoolBytes) return Number.NEGATIVE_INFINITY
    const pauseMillis = Math.min(millisMax, this.#tookMillis / timeShare)
    const muchBytes = Math.min(bytesMax, Math.max(bytesMin, spoolBytes * spoolShare))
    const dueMillis = this.#byteCount >= muchBytes ? pauseMillis / 4 : pauseMillis
    return this.#markedAt + dueMillis
  }

  /** A mark that was begun then is done. `isWhole`: all that was carried out is in the files. */
  marked(begunAt: number, isWhole: boolean): void {
    this.isAsked = false
    this.#byteCount = 0
    this.#markedAt = clockMillis()
    this.#tookMillis = isWhole ? this.#markedAt - begunAt : millisMax
  }
}

/** Rings once, at the earliest of the times it is asked for until then. */
export class Alarm {
  readonly #ring: () => void
  #at = Number.POSITIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ring: () => void) {
    this.#ring = ring
  }

  at(millis: number): void {
    if (millis >= this.#at) return
    clearTimeout(this.#timer)
    this.#at = millis
    // The time may have come since the caller looked: the runtime warns of a timer below zero.
    const leftMillis = Math.max(0, millis - clockMillis())
    this.#timer = setTimeout(() => {
      this.#at = Number.POSITIVE_INFINITY
      this.#ring()
    }, leftMillis).unref()
  }
}
