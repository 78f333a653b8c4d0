/** What a tracer lost between two packets of a stream (§8): their counters say how much, their times say when. */
import { nanos, type Time } from "./Clock.ts"
import type { Int } from "./Cursor.ts"
import type { DataStream } from "./DataStream.ts"

/**
 * Events that the tracer discarded, or packets that are missing, between two packets of a stream.
 */
export interface Loss {
  readonly what: "events" | "packets"
  readonly count: bigint
  /** When they were lost, ns from the clock's origin; both undefined if the packets do not say it. */
  readonly from: bigint | undefined
  readonly to: bigint | undefined
}

export class Losses {
  #isFirst = true
  #discarded: Int | undefined
  #sequence: Int | undefined
  readonly #end: Time = { high: 0, low: 0 }
  #hasEnd = false

  /** What was lost between the packet before and the one that the stream has just opened; events come first. */
  since(stream: DataStream): ReadonlyArray<Loss> {
    const { discarded, sequence } = stream.cursor
    const found: Array<Loss> = []
    if (!this.#isFirst) {
      const from = this.#hasEnd ? nanos(this.#end) : undefined
      const events = more(this.#discarded, discarded)
      const packets = more(this.#sequence, sequence) - 1n
      if (events > 0n) found.push({ what: "events", count: events, ...interval(from, stream.hasEnd, stream.end) })
      if (packets > 0n)
        found.push({ what: "packets", count: packets, ...interval(from, stream.hasBegin, stream.begin) })
    }
    this.#isFirst = false
    this.#discarded = discarded
    this.#sequence = sequence
    this.#hasEnd = stream.hasEnd
    this.#end.high = stream.end.high
    this.#end.low = stream.end.low
    return found
  }

  /** Some packets could not be read: the next gap in sequence numbers does not mean that the tracer lost any. */
  missed(): void {
    this.#sequence = undefined
  }

  /** To be called when `stream.end` was corrected afterwards: a tracer that crashed has not written it. */
  ends(stream: DataStream): void {
    if (!stream.hasEnd) return
    this.#end.high = stream.end.high
    this.#end.low = stream.end.low
  }
}

const more = (before: Int | undefined, now: Int | undefined): bigint =>
  before === undefined || now === undefined ? 0n : BigInt(now) - BigInt(before)

/** No interval if it would end before it begins: a packet of a tracer that crashed has an end of 0. */
const interval = (from: bigint | undefined, hasTo: boolean, end: Time): Pick<Loss, "from" | "to"> => {
  const to = hasTo ? nanos(end) : undefined
  return from === undefined || to === undefined || to < from ? { from: undefined, to: undefined } : { from, to }
}
