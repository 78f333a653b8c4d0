/**
 * Decides when a journal is marked (`Marking`): after so many bytes or so long, sooner if its edge's spool is small.
 */
import { clearTimeout, clockMillis, setTimeout } from "../../Machine.ts"

/** The most that an edge has to keep, and the longest, although the relay has carried it out. */
const bytesMax = 32 * 1024 * 1024
const millisMax = 1000
/** Of a spool that is smaller than that. */
const spoolShare = 1 / 8
const bytesMin = 64 * 1024
/** Nothing is carried out meanwhile: of the time, this share may go into it. */
const timeShare = 1 / 20

export class MarkPace {
  /** Whatever the time. */
  isAsked = false
  #markedAt = 0
  #tookMillis = 0
  #byteCount = 0

  add(byteCount: number): void {
    this.#byteCount += byteCount
  }

  /** By the clock. `spoolBytes`: what the edge may keep, as far as is known. */
  dueAt(spoolBytes = Number.POSITIVE_INFINITY): number {
    // An edge that has no room left begins another packet only if it must, and no mark is put down within one.
    if (this.isAsked || this.#byteCount >= spoolBytes) return Number.NEGATIVE_INFINITY
    const pauseMillis = Math.min(millisMax, this.#tookMillis / timeShare)
    const muchBytes = Math.min(bytesMax, Math.max(bytesMin, spoolBytes * spoolShare))
    const dueMillis = this.#byteCount >= muchBytes ? pauseMillis / 4 : pauseMillis
    return this.#markedAt + dueMillis
  }

  /** It began then, and is done. `isWhole`: what was carried out is in the files. */
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
    // It may have come since it was looked at: the runtime has a warning for what is below zero.
    const leftMillis = Math.max(0, millis - clockMillis())
    this.#timer = setTimeout(() => {
      this.#at = Number.POSITIVE_INFINITY
      this.#ring()
    }, leftMillis).unref()
  }
}
