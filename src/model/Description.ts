/**
 * What the metadata of one trace describes, as far as it has come: viewers end on a packet of a class that it does not
 * describe yet. The tracer's consumer sends metadata before the packets that need it, except for an application that
 * has just begun or is ending: then the two may cross. Only what LTTng's tracers write is understood; anything else
 * counts as complete. Pure: the caller says what time it is, in milliseconds.
 */
import { type EventLayout, firstEventTime } from "../protocol/FirstEvent.ts"
import { offsets } from "../protocol/live/GetNextIndex.ts"
import { u64At } from "../protocol/Struct.ts"

/** Characters of the text that are kept, more than a pattern has: what is cut in two is found with its second half. */
const tailLength = 600
const tracer = /\btracer_name = "lttng-/
const streamClasses = /\bstream \{\s*id = (\d+);/g
/** The stream class that an event class belongs to. */
const eventClasses = /\bstream_id = (\d+);/g
/** The frequency of a clock class in Hz, in TSDL and in CTF 2. */
const frequencies = /\bfreq\s*=\s*(\d+)\s*;|"frequency"\s*:\s*(\d+)\s*[,}]/g
/** The header of events, in TSDL and in CTF 2: the id's bits there say which it is. */
const eventHeader = /\bevent\.header := struct event_header_(compact|large);/g
const eventHeader2 = /"event-record-header-field-class":[\s\S]{0,400}?"length":\s*(5|16)\b/g
const longs = /\barchitecture_bit_width(?: = |":\s*)(32|64)\b/
const aligned = /\balign(?: = |ment":\s*)(?:16|32|64)\b/
/** A packet with more content than this has events: headers and context are shorter. */
const emptyBitsMax = 96 * 8
/** No clock is faster than this, in Hz, whatever its tracer says. */
const cyclesMax = 1e15
/** A tracer that sends no metadata for so long has nothing more to describe. */
const lackMillisMax = 5000

export class Description {
  #tail = ""
  readonly #streams = new Set<number>()
  readonly #events = new Set<number>()
  /** It is of LTTng's tracers. */
  isUnderstood = false
  /** Cycles per millisecond of the fastest clock; undefined before a clock is described. */
  cyclesPerMilli: number | undefined
  readonly #eventHeaders = new Set<EventLayout["header"]>()
  #longBytes: EventLayout["longBytes"] = 8
  #isPacked = true
  /** Since when a description is missing; reset by any metadata, which may be what was missing. */
  #lackSinceMillis: number | undefined
  /** What the packet needs that a viewer was told of before any metadata came. */
  #owed: { readonly id: number; readonly hasEvents: boolean } | undefined

  read(bytes: Buffer, from: number, to: number): void {
    const text = this.#tail + bytes.toString("latin1", from, to)
    // A slice of `text` would keep all of it in memory for as long as the stream lives.
    const isLong = to - from >= tailLength
    this.#tail = isLong ? bytes.toString("latin1", to - tailLength, to) : text.slice(-tailLength)
    this.#lackSinceMillis = undefined
    this.isUnderstood ||= tracer.test(text)
    for (const [, id] of text.matchAll(streamClasses)) this.#streams.add(Number(id))
    for (const [, id] of text.matchAll(eventClasses)) this.#events.add(Number(id))
    for (const [, name] of text.matchAll(eventHeader)) this.#eventHeaders.add(name === "compact" ? name : "large")
    for (const [, idBits] of text.matchAll(eventHeader2)) this.#eventHeaders.add(idBits === "5" ? "compact" : "large")
    if (longs.exec(text)?.[1] === "32") this.#longBytes = 4
    if (aligned.test(text)) this.#isPacked = false
    for (const [, freq, frequency] of text.matchAll(frequencies)) {
      const cycles = Number(freq ?? frequency)
      if (cycles < cyclesMax) this.cyclesPerMilli = Math.max(this.cyclesPerMilli ?? 0, cycles / 1000)
    }
  }

  /**
   * The time of the first event of the packet that these bytes begin; undefined: it has none. "unknown": the trace, or
   * the packet, is none of LTTng's. Where the trace has events of two layouts it is the earlier one.
   */
  firstEvent(bytes: Buffer): bigint | undefined | "unknown" {
    let first: bigint | undefined | "unknown" = "unknown"
    for (const header of this.#eventHeaders) {
      const time = firstEventTime(bytes, { header, longBytes: this.#longBytes, isPacked: this.#isPacked })
      if (typeof time !== "bigint") return time
      if (typeof first !== "bigint" || time < first) first = time
    }
    return first
  }

  /** Whether the metadata suffices for the packet of the index record at `at`, or no more is to be expected. */
  suffices(record: Buffer, at: number, nowMillis: number): boolean {
    return !this.isUnderstood || this.#has(needOf(record, at)) || this.#hasLackedFor(nowMillis)
  }

  /** Notes that a viewer was told of the packet. */
  told(record: Buffer, at: number): void {
    if (this.#tail === "") this.#owed = needOf(record, at)
  }

  /**
   * True while the metadata is not enough for the packet that a viewer was told of before any came, or describes no
   * stream at all: babeltrace 2.0 does not survive learning of the first stream later.
   */
  isOwing(nowMillis: number): boolean {
    if (!this.isUnderstood) return false
    const isLacking = this.#streams.size === 0 || (this.#owed !== undefined && !this.#has(this.#owed))
    if (isLacking && !this.#hasLackedFor(nowMillis)) return true
    this.#owed = undefined
    return false
  }

  /**
   * No stream class came, nor will any: the application ended while its tracer was busy (`isOver`), or the tracer has
   * been silent for long. Viewers end on any packet of such a trace.
   */
  isHopeless(isOver: boolean, nowMillis: number): boolean {
    return this.isUnderstood && this.#streams.size === 0 && (isOver || this.#hasLackedFor(nowMillis))
  }

  #has({ id, hasEvents }: { readonly id: number; readonly hasEvents: boolean }): boolean {
    return this.#streams.has(id) && (!hasEvents || this.#events.has(id))
  }

  #hasLackedFor(nowMillis: number): boolean {
    this.#lackSinceMillis ??= nowMillis
    return nowMillis - this.#lackSinceMillis >= lackMillisMax
  }
}

const needOf = (record: Buffer, at: number) => ({
  id: u64At(record, at + offsets.streamId),
  hasEvents: u64At(record, at + offsets.contentSize) > emptyBitsMax
})
