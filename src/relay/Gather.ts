/**
 * Lets small writes of many streams gather before they go to the disk: a hand-over to a thread of the file system costs
 * as much as writing some ten thousand bytes. Nothing a peer waits for is held back by it: who asks for files
 * (`WriteLog.synced`), and every step that opens, closes or moves them, wakes the stream at once.
 */

/** Bytes after which a stream does not wait: one full write. */
export const gatherBytesMax = 512 * 1024

/** How long bytes may wait for company. Short beside any live timer, long beside a write. */
const gatherMillis = 4

export class Gather {
  #waiting: Array<() => void> = []
  #isTimed = false

  /** Calls `wake` soon, together with others. */
  add(wake: () => void): void {
    this.#waiting.push(wake)
    if (this.#isTimed) return
    this.#isTimed = true
    setTimeout(this.#run, gatherMillis)
  }

  readonly #run = (): void => {
    const due = this.#waiting
    this.#waiting = []
    this.#isTimed = false
    for (const wake of due) wake()
  }
}
