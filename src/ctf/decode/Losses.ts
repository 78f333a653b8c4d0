/** What a tracer lost between two packets of a stream (§8): their counters tell, their times say when. */
import { nanos, type Time } from "./Clock.ts"
import type { Int } from "./Cursor.ts"
import type { DataStream } from "./DataStream.ts"

/**
 * Events or packets that the tracer had no room for; times in ns since the epoch, undefined where they are not known.
 */
export interface Loss {
  readonly what: "events" | "packets"
  readonly count: bigint
  /** Nanoseconds from the clock's origin, where the packets have such times. */
  readonly from: bigint | undefined
  readonly to: bigint | undefined
}

export class Losses {
  #isFirst = true
  #discarded: Int | undefined
  #sequence: Int | undefined
  readonly #end: Time = { high: 0, low: 0 }
  #hasEnd = false

  /** Between the packet before and the one the stream has just opened; events first. */
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

  /** There were packets that cannot be read: which of those that follow are missing nobody knows. */
  missed(): void {
    this.#sequence = undefined
  }

  /** A packet of a tracer that crashed does not know its end: it is that of its last event. */
  ends(stream: DataStream): void {
    if (!stream.hasEnd) return
    this.#end.high = stream.end.high
    this.#end.low = stream.end.low
  }
}

const more = (before: Int | undefined, now: Int | undefined): bigint =>
  before === undefined || now === undefined ? 0n : BigInt(now) - BigInt(before)

/** One that ends before it begins is none: a packet of a tracer that crashed has an end of 0. */
const interval = (from: bigint | undefined, hasTo: boolean, end: Time): Pick<Loss, "from" | "to"> => {
  const to = hasTo ? nanos(end) : undefined
  return from === undefined || to === undefined || to < from ? { from: undefined, to: undefined } : { from, to }
}
