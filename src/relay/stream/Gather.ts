/**
 * Decides when gathered bytes go to their files, over all streams of one relay. A few bytes wait up to `gatherMillis`
 * for those of other streams; many wait for one look at the sockets, after which another thread may write them.
 *
 * The reason: handing work to a thread of the file system costs as much as writing some ten thousand bytes. Nothing
 * that a peer waits for is held back: whatever needs the files (`WriteLog.written`), and every step that opens, closes
 * or moves them, wakes the stream at once.
 */
import { setImmediate, setTimeout } from "../../Machine.ts"
import { Streak } from "../Streak.ts"

/** Bytes after which a stream does not wait: one full write. */
export const gatherBytesMax = 512 * 1024

/** How long bytes may wait for company. Short beside any live timer, long beside a write. */
const gatherMillis = 4

/** A connection that brings so many pieces in a row is alone. */
const crowdedCountMax = 16

/**
 * Writes what a stream has gathered. `hasCompany`: streams of other connections have something to write, too. Answers
 * false if another thread does it, so that this one may go on with the next stream.
 */
export type Flush = (hasCompany: boolean) => boolean

/** There is one for each relay, shared by all its streams. */
export class Gather {
  /** One target alone brings packets and waits for each answer (`Vigil`). */
  readonly isForOne: () => boolean

  constructor(isForOne: () => boolean) {
    this.isForOne = isForOne
  }

  /** Streams that have gathered few bytes each. */
  #waiting: Array<() => void> = []
  #isTimed = false
  /** Streams that have gathered many bytes each. */
  #bulk: Array<Flush> = []
  /** The connection whose bytes all of `#bulk` has; undefined when several connections have some. */
  #owner: object | undefined

  /** Who brought many bytes last, and how often in a row: so one connection alone is known. */
  readonly #bulks = new Streak<object>(crowdedCountMax)

  /** To be called when the connection `owner` has brought many bytes. True: other connections do so, too. */
  isCrowd(owner: object): boolean {
    this.#bulks.add(owner)
    return this.#bulks.count < crowdedCountMax
  }

  /** Calls `wake` within `gatherMillis`, together with others. */
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
