/**
 * Decides when bytes go on to their files. Small writes wait for company; large ones for one look at the sockets, after
 * which another thread may write them.
 *
 * A hand-over to a thread of the file system costs as much as writing some ten thousand bytes, so small writes of many
 * streams gather. Nothing that a peer waits for is held back by it: whatever needs the files (`WriteLog.synced`), and
 * every step that opens, closes or moves them, wakes the stream at once.
 */
import { setImmediate, setTimeout } from "../../Machine.ts"
import { Streak } from "../Streak.ts"

/** Bytes after which a stream does not wait: one full write. */
export const gatherBytesMax = 512 * 1024

/** How long bytes may wait for company. Short beside any live timer, long beside a write. */
const gatherMillis = 4

/** One connection that brings so many pieces in a row is alone. */
const crowdedCountMax = 16

/**
 * Writes what a stream has; told whether other connections' streams have something to write, too. False: it took no
 * time of this thread.
 */
export type Flush = (hasCompany: boolean) => boolean

/** Of one relay: all its streams share it. */
export class Gather {
  /** One target alone brings packets and waits for each answer (`Vigil`). */
  readonly isForOne: () => boolean

  constructor(isForOne: () => boolean) {
    this.isForOne = isForOne
  }

  /** With few bytes each. */
  #waiting: Array<() => void> = []
  #isTimed = false
  /** With many. */
  #bulk: Array<Flush> = []
  /** The connection whose bytes all of `#bulk` has; undefined when several connections have some. */
  #owner: object | undefined

  /** Of many bytes, by who brought them; the first is alone. */
  readonly #bulks = new Streak<object>(crowdedCountMax)

  /** `owner` has brought many bytes. True: others do so at the same time. */
  isCrowd(owner: object): boolean {
    this.#bulks.add(owner)
    return this.#bulks.count < crowdedCountMax
  }

  /** Calls `wake` soon, together with others. */
  add(wake: () => void): void {
    this.#waiting.push(wake)
    if (this.#isTimed) return
    this.#isTimed = true
    setTimeout(this.#onTime, gatherMillis)
  }

  /**
   * Calls `flush` when the sockets were looked at once more: with packets of several connections at hand there is work
   * for the other thread, too, and they are written while the processor's cache still has them. Should the packet's
   * index come before that, its answer has it written (`WriteLog.writeOut`). `owner` is the connection that brought the
   * bytes. Its own streams are no company to each other: its target waits for the one before it sends the next.
   */
  addBulk(flush: Flush, owner: object): void {
    this.#bulk.push(flush)
    if (this.#bulk.length === 1) {
      this.#owner = owner
      setImmediate(this.#onPolled)
    } else if (this.#owner !== owner) this.#owner = undefined
  }

  readonly #onTime = (): void => {
    const due = this.#waiting
    this.#waiting = []
    this.#isTimed = false
    for (const wake of due) wake()
  }

  /** One packet alone is given a second look for company. */
  readonly #onPolled = (): void => {
    if (this.#bulk.length > 1) this.#flush()
    else setImmediate(this.#flush)
  }

  /** One write, then a look at the sockets: nobody's answer waits for those of all streams. */
  readonly #flush = (): void => {
    const hasCompany = this.#owner === undefined
    for (let isDone = false; !isDone && this.#bulk.length > 0; this.#bulk.shift()) {
      isDone = this.#bulk[0]?.(hasCompany) === true
    }
    if (this.#bulk.length > 0) setImmediate(this.#flush)
  }
}
