/**
 * Keeps the event loop awake for a moment after the answer to a target that waits for each one. Its next command comes
 * within some ten microseconds; a processor that has gone to sleep meanwhile takes as long again to wake up.
 *
 * It costs nothing where nobody waits: only a quick succession of answers to one connection asks for it, and not while
 * large packets come, when the file threads need the processor more, nor while processors are short: they do not sleep
 * then, and the target may be waiting for this one.
 */
import { clockMillis, setImmediate } from "../Machine.ts"

/** A small packet and its index follow an answer within this; a sleep would cost about as much. */
const awakeMillis = 0.05
/** Reads beyond this are packets in bulk. */
const bulkReadBytes = 16 * 1024
/** How long bulk is remembered. */
const bulkMillis = 5

/** Two answers to one connection closer than this: the target waits for each. */
export const successionMillis = 0.3

export class Vigil {
  readonly #isShort: () => boolean
  #until = 0
  #isKept = false
  #bulkAt = Number.NEGATIVE_INFINITY

  /** `isShort`: processors are, see `thread/Contention`. */
  constructor(isShort: () => boolean) {
    this.#isShort = isShort
  }

  /** A data connection read `byteCount` bytes. */
  read(byteCount: number): void {
    if (byteCount > bulkReadBytes) this.#bulkAt = clockMillis()
  }

  keep(now: number): void {
    if (now - this.#bulkAt < bulkMillis || this.#isShort()) return
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
