/**
 * What the metadata of one trace, as far as it has come, describes: viewers end on a packet of a class that it does not
 * describe yet. The tracer's consumer sends metadata before the packets that need it, except for an application that
 * has just begun or is ending: then the two cross. Only what LTTng's tracers write is understood; anything else is
 * taken for complete. Pure: the caller says what time it is, in milliseconds.
 */
import { offsets } from "../protocol/live/GetNextIndex.ts"
import { u64At } from "../protocol/Struct.ts"

/** Longer than any of the patterns: what is cut in two is found with its second half. */
const tailLength = 100
const tracer = /\btracer_name = "lttng-/
const streamClasses = /\bstream \{\s*id = (\d+);/g
/** Of an event class, the stream class that it belongs to. */
const eventClasses = /\bstream_id = (\d+);/g
/** Of a clock class, in cycles a second: TSDL's and CTF 2's. */
const frequencies = /\bfreq\s*=\s*(\d+)\s*;|"frequency"\s*:\s*(\d+)\s*[,}]/g
/** Headers and context of a packet are shorter than this: what is longer has events. */
const emptyBitsMax = 96 * 8
/** A second. */
const cyclesMax = 1e15
/** A tracer that lets nothing follow for so long has nothing more to tell. */
const lackMillisMax = 5000

export class Description {
  #tail = ""
  #isUnderstood = false
  readonly #streams = new Set<number>()
  readonly #events = new Set<number>()
  /** Of the fastest clock; undefined before there is one. */
  cyclesPerMilli: number | undefined
  /** Since when something is missed; whatever comes may be it. */
  #lackSinceMillis: number | undefined
  /** The packet that a viewer was told of before there was anything to say. */
  #owed: { readonly id: number; readonly hasEvents: boolean } | undefined

  read(bytes: Buffer, from: number, to: number): void {
    const text = this.#tail + bytes.toString("latin1", from, to)
    // A slice of `text` would keep all of it in memory for as long as the stream lives.
    const isLong = to - from >= tailLength
    this.#tail = isLong ? bytes.toString("latin1", to - tailLength, to) : text.slice(-tailLength)
    this.#lackSinceMillis = undefined
    this.#isUnderstood ||= tracer.test(text)
    for (const [, id] of text.matchAll(streamClasses)) this.#streams.add(Number(id))
    for (const [, id] of text.matchAll(eventClasses)) this.#events.add(Number(id))
    for (const [, freq, frequency] of text.matchAll(frequencies)) {
      const cycles = Number(freq ?? frequency)
      // No clock is faster, whatever its tracer says.
      if (cycles < cyclesMax) this.cyclesPerMilli = Math.max(this.cyclesPerMilli ?? 0, cycles / 1000)
    }
  }

  /** Whether it is enough for the packet of this index record, or nothing more is to be hoped for. */
  suffices(record: Buffer, at: number, nowMillis: number): boolean {
    return !this.#isUnderstood || this.#has(needOf(record, at)) || this.#hasLackedFor(nowMillis)
  }

  /** A viewer was told of the packet. */
  told(record: Buffer, at: number): void {
    if (this.#tail === "") this.#owed = needOf(record, at)
  }

  /**
   * The first piece alone is not enough for what a viewer was told of before it came, or tells of no stream at all:
   * babeltrace 2.0 does not survive to learn of the first one later.
   */
  isOwing(nowMillis: number): boolean {
    if (!this.#isUnderstood) return false
    const isLacking = this.#streams.size === 0 || (this.#owed !== undefined && !this.#has(this.#owed))
    if (isLacking && !this.#hasLackedFor(nowMillis)) return true
    this.#owed = undefined
    return false
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
