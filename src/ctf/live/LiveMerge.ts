/**
 * Merges the event records of all streams of live sessions in order of their time: each is held back for as long as
 * another stream may still have an older one, and not longer.
 *
 * A stream that has nothing to read tells by its horizon up to which time the others may go on. Records of one time are
 * in the order of trace, stream class and stream.
 */
import { compare, type Time } from "../decode/Clock.ts"
import { compareInts } from "../decode/Cursor.ts"
import { Merge } from "../decode/Merge.ts"
import type { LiveStream } from "./LiveStream.ts"

/** What decides, together with the stream class, between records of one time. */
export interface Standing {
  /** UID of the trace; empty: it has none. */
  readonly uid: string
  /** Number of the stream in its trace, in the order of announcement. */
  readonly index: number
}

const endOfTime: Time = { high: Number.POSITIVE_INFINITY, low: 0 }

/** No item waits for others. */
export const whenever = "whenever"

export class LiveMerge {
  readonly #standings = new Map<LiveStream, Standing>()
  #merge = new Merge<LiveStream>()
  #areRanksKnown = true
  /** No stream will bring anything older than this. */
  readonly #floor: Time = { high: Number.NEGATIVE_INFINITY, low: 0 }
  /** Time of the item that was visited last. */
  readonly visited: Time = { high: Number.NEGATIVE_INFINITY, low: 0 }

  add(stream: LiveStream, standing: Standing): void {
    this.#standings.set(stream, standing)
    this.#areRanksKnown = false
  }

  /** To be called after a packet was pushed to the stream. */
  onPacket(stream: LiveStream): void {
    if (stream.item !== "none") return
    const isFirst = stream.stream.plan === undefined
    stream.advance()
    if (stream.item === "none") return
    if (isFirst) this.#areRanksKnown = false
    if (this.#areRanksKnown) this.#merge.add(stream)
    else this.#rank()
  }

  /** Notes that no stream will bring anything older than this. */
  raise(time: Time): void {
    if (compare(time, this.#floor) <= 0) return
    this.#floor.high = time.high
    this.#floor.low = time.low
  }

  onEnd(stream: LiveStream): void {
    stream.isEnded = true
    if (stream.item === "none") this.#standings.delete(stream)
  }

  /**
   * Visits up to `countMax` items that are due, in order, and not after `until`; or all that there are, if `until` is
   * `whenever`. Answers whether there may be more of them. The item that a visitor gets is valid until it returns.
   */
  drain(countMax: number, visit: (stream: LiveStream) => void, until: Time | typeof whenever = endOfTime): boolean {
    if (!this.#areRanksKnown) this.#rank()
    const merge = this.#merge
    let limit = until === whenever ? endOfTime : earlier(until, this.#limit())
    for (let count = 0; count < countMax; count++) {
      const head = merge.head
      if (head === undefined || compare(head, limit) > 0) return false
      visit(head)
      this.visited.high = head.high
      this.visited.low = head.low
      head.advance()
      if (head.item !== "none") {
        merge.settle()
        continue
      }
      merge.remove()
      if (head.isEnded) this.#standings.delete(head)
      else if (until !== whenever) limit = earlier(limit, this.#horizonOf(head))
    }
    return true
  }

  /** Items up to this time, included, are due: streams without an item will bring nothing older. */
  #limit(): Time {
    let limit = endOfTime
    for (const stream of this.#standings.keys()) {
      if (stream.item === "none" && !stream.isEnded) limit = earlier(limit, this.#horizonOf(stream))
    }
    return limit
  }

  #horizonOf({ horizon, isSilent, isTimeless }: LiveStream): Time {
    if (isSilent || isTimeless) return endOfTime
    return compare(horizon, this.#floor) > 0 ? horizon : this.#floor
  }

  #rank(): void {
    const byStanding = [...this.#standings].sort(
      ([a, one], [b, other]) =>
        (one.uid < other.uid ? -1 : one.uid > other.uid ? 1 : 0) ||
        compareInts(classOf(a), classOf(b)) ||
        one.index - other.index
    )
    this.#merge = new Merge()
    byStanding.forEach(([stream], rank) => {
      stream.rank = rank
      if (stream.item !== "none") this.#merge.add(stream)
    })
    this.#areRanksKnown = true
  }
}

const classOf = ({ stream }: LiveStream): bigint => stream.plan?.streamClass.id ?? 0n

const earlier = (a: Time, b: Time): Time => (compare(a, b) <= 0 ? a : b)
