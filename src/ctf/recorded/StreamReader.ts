/**
 * One recorded stream as a sequence of items: begin and end of its packets, what was lost between them, event records,
 * failures. The place of each in the order of all streams is its own time (`Merge.Head`).
 */
import { compare, type Time } from "../decode/Clock.ts"
import { type DataStream, event, failed } from "../decode/DataStream.ts"
import type { Failure } from "../decode/Fault.ts"
import { type Loss, Losses } from "../decode/Losses.ts"
import type { Head } from "../decode/Merge.ts"
import { contains, type Interval, isAlways } from "./Interval.ts"
import type { Packets } from "./Packets.ts"
import * as TracerFaults from "./TracerFaults.ts"

/** What a reader stands at. */
export type Item = "packet-begin" | "event" | "packet-end" | "loss" | "failure" | "over"

/** Reads one recorded stream, item by item, within an interval. */
export class StreamReader implements Head {
  readonly stream: DataStream
  /** Its place among streams whose items have the same time. */
  readonly rank: number
  /** The time of the current item (`Time`); before all others where it has none. */
  high = Number.NEGATIVE_INFINITY
  low = 0
  /** `over` also before the first `advance`. */
  item: Item = "over"
  /** The loss, if that is the item. */
  loss: Loss | undefined = undefined
  /** The time that is wanted of the stream. */
  readonly interval: Interval
  /** What is wrong with the stream as a whole: told before its first packet. */
  misfit: Failure | undefined = undefined
  readonly #packets: Packets
  readonly #isWhole: boolean
  /** A packet's events may be before its begin, and are put in order by their own times. */
  readonly #isEarly: boolean
  readonly #losses = new Losses()
  /** Losses before the packet that was opened last, not told yet. */
  #pending: Array<Loss> = []
  /** The current packet is not wholly before the interval: its events are read. */
  #isIn = true

  constructor(stream: DataStream, packets: Packets, rank: number, interval: Interval) {
    this.stream = stream
    this.rank = rank
    this.#packets = packets
    this.interval = interval
    this.#isWhole = isAlways(interval)
    this.#isEarly = TracerFaults.hasEarlyEvents(stream.trace.traceClass)
  }

  /** Whether the current event is within the interval, or has no time. */
  get isWanted(): boolean {
    return this.#isWhole || !this.stream.hasTime || contains(this.interval, this.stream.time)
  }

  /** The failure, if that is the item. */
  get failure(): Failure | undefined {
    return this.misfit ?? this.stream.failure
  }

  /** The file of the current packet. */
  get path(): string {
    return this.#packets.path
  }

  /** Where that was when it was listed. */
  get listedPath(): string {
    return this.#packets.listedPath
  }

  /** Moves to the next item. */
  advance(): void {
    if (this.item === "event" || this.item === "packet-begin") {
      if (this.#isIn) this.#nextEvent()
      else this.#endPacket()
    } else {
      this.#between()
    }
  }

  #nextEvent(): void {
    const { stream } = this
    const outcome = stream.next()
    if (outcome === event) {
      this.item = "event"
      if (stream.hasTime) {
        this.high = stream.time.high
        this.low = stream.time.low
      } else {
        this.#untimed()
      }
    } else if (outcome === failed) {
      this.item = "failure"
    } else {
      this.#endPacket()
    }
  }

  #untimed(): void {
    this.high = Number.NEGATIVE_INFINITY
    this.low = 0
  }

  /** Sets the time of an item that is no event. Without one of its own it keeps that of the item before. */
  #at(isKnown: boolean, time: Time): void {
    if (isKnown) {
      this.high = time.high
      this.low = time.low
    } else if (this.stream.plan?.clock === undefined) {
      this.#untimed()
    }
  }

  #endPacket(): void {
    const { stream } = this
    // A tracer that crashed has not written the end: it is that of the last event.
    if (stream.hasEnd && stream.cursor.endTime === 0 && stream.hasTime) {
      stream.end.high = stream.time.high
      stream.end.low = stream.time.low
      this.#losses.ends(stream)
    }
    this.item = "packet-end"
    this.#at(stream.hasEnd, stream.end)
  }

  /** Moves on from the end of a packet, from a failure or from a loss. */
  #between(): void {
    const loss = this.#pending.shift()
    if (loss !== undefined) {
      this.loss = loss
      this.item = "loss"
    } else if (this.item === "loss") {
      this.#beginPacket()
    } else {
      this.#openPacket()
    }
  }

  #openPacket(): void {
    const { stream } = this
    if (this.misfit !== undefined && this.item === "over") {
      this.item = "failure"
      return
    }
    this.misfit = undefined
    const source = this.#packets.next(stream.totalBits)
    if (source === undefined) {
      this.#over()
      return
    }
    if (!stream.open(source)) {
      this.item = "failure"
      // It is not known where the next packet of the file begins.
      this.#packets.leave()
      this.#losses.missed()
      return
    }
    this.#pending = [...this.#losses.since(stream)]
    const [loss] = this.#pending
    if (loss === undefined) {
      this.#beginPacket()
      return
    }
    this.loss = this.#pending.shift()
    this.item = "loss"
  }

  #beginPacket(): void {
    const { stream } = this
    const { begin, end } = this.interval
    this.#isIn = begin === undefined || !this.#isBefore(begin)
    if (end !== undefined && stream.hasBegin && compare(stream.begin, end) > 0) {
      // The first event may be before it.
      this.#nextEvent()
      if (this.item !== "event" || !this.isWanted) this.#over()
      return
    }
    this.item = "packet-begin"
    if (this.#isEarly) this.#untimed()
    else this.#at(stream.hasBegin, stream.begin)
  }

  /** Whether no event of the packet is at `begin` or later. */
  #isBefore(begin: Time): boolean {
    const { stream } = this
    if (!stream.hasEnd || compare(stream.end, begin) >= 0 || compare(stream.end, stream.begin) < 0) return false
    // Its last events may be after it.
    const next = this.#packets.beginAfter(stream.totalBits)
    if (next !== undefined && compare(next, begin) < 0) return true
    stream.forget()
    return false
  }

  #over(): void {
    this.item = "over"
    this.#packets.close()
  }

  /** Closes its files. */
  close(): void {
    this.#packets.close()
  }
}
