/** Writes a recording out: events as text, NDJSON or counts, losses and failures where readers expect them. */
import { dirname } from "node:path"
import { nanos, type Time } from "../decode/Clock.ts"
import type { DataStream } from "../decode/DataStream.ts"
import type { Failure } from "../decode/Fault.ts"
import type { Filter } from "../decode/Fields.ts"
import type { Loss } from "../decode/Losses.ts"
import type { TracePlan } from "../decode/Plan.ts"
import { isWanted } from "../filter/Filters.ts"
import { Bytes } from "../print/Bytes.ts"
import { Counts } from "../print/Counts.ts"
import { Json } from "../print/Json.ts"
import * as LossText from "../print/LossText.ts"
import { Text, type TextOptions } from "../print/Text.ts"
import type { Interval } from "./Interval.ts"
import { isUnsettled } from "./Moved.ts"
import type { Recording } from "./Recording.ts"
import type { RecordingRefused } from "./RecordingRefused.ts"
import type { StreamReader } from "./StreamReader.ts"

/** What is written of each event, or of all of them together. */
export type Format = "text" | "ndjson" | "count" | "count-ndjson" | "histogram" | "none"

/** Whether losses and failures are objects among the others. */
export const isNdjson = (format: Format | Form): boolean => format === "ndjson" || format === "count-ndjson"

/** Another form of output. */
export interface Form {
  /** Appends an event that is wanted; they come in order. */
  event(stream: DataStream, out: Bytes): void
  /** Appends what follows the last event, or the last one before printing was interrupted. */
  end(out: Bytes, isInterrupted: boolean): void
}

/** What is to be written of a recording. */
export interface Request {
  readonly format: Format | Form
  readonly text: TextOptions
  readonly filter: Filter | undefined
  /** Standard output: whole lines, to be written before it returns. */
  readonly write: (bytes: Uint8Array) => void
  /** A line for standard error, without its end. */
  readonly warn: (line: string) => void
  /** Whether somebody may be writing to the trace in this directory. Undefined: nobody is. */
  readonly isWritten?: (directory: string) => boolean
}

/** Bytes that are written at once. Fewer make more system calls, more make the first line late. */
const blockBytes = 64 * 1024
/** Items that one step reads at most, wanted or not: so many rows of so many. */
const stepRowsMax = 312
/**
 * A loop that goes on for longer is compiled by the last compiler while it runs, with all that it calls, and again once
 * it meets another class of record: on a short trace that takes longer than the records.
 */
const rowItems = 64

/** Said of what cannot be read because it is not all there yet, or is there no more. */
const unsettled = "it is being recorded, or has changed meanwhile"

const channelOf = (path: string): string => (path.split("/").at(-1) ?? "").replace(/_\d+(?:_\d+)?$/, "")

/** A recording that is written out block by block. */
export class Printer {
  readonly #recording: Recording
  readonly #request: Request
  readonly #out = new Bytes()
  readonly #text: Text
  readonly #json: Json
  readonly #counts = new Counts()
  readonly #emit: (reader: StreamReader) => void
  readonly #isNdjson: boolean
  #blockCount = 0
  /** Traces for which it was warned that they have packets with another UUID. */
  readonly #strange = new Set<TracePlan>()
  failureCount = 0
  eventCount = 0

  constructor(recording: Recording, request: Request) {
    this.#recording = recording
    this.#request = request
    this.#isNdjson = isNdjson(request.format)
    this.#text = new Text(request.text)
    const origins = new Map(
      recording.streams.map(({ id, path, reader }) => [reader.stream, { streamId: id, channel: channelOf(path) }])
    )
    this.#json = new Json((stream) => origins.get(stream) ?? { streamId: 0 })
    this.#emit = this.#emitter()
    for (const warning of recording.warnings) request.warn(`WARNING: ${warning}`)
    for (const refusal of recording.refusals) this.#refused(refusal)
  }

  /** Goes on until a block is written, or for some milliseconds. False: all items are read; `end` must be called. */
  step(): boolean {
    const before = this.#blockCount
    for (let left = stepRowsMax; left > 0; left--) {
      if (!this.#row()) return false
      if (this.#blockCount !== before) return true
    }
    return true
  }

  /** Goes on by some items, or until a block is written. False: all items are read. */
  #row(): boolean {
    const { filter } = this.#request
    const emit = this.#emit
    const before = this.#blockCount
    for (let left = rowItems; left > 0; left--) {
      const reader = this.#recording.next()
      if (reader === undefined) return false
      if (reader.item !== "event") {
        this.#other(reader)
      } else if (reader.isWanted && isWanted(reader.stream, filter)) {
        this.eventCount++
        emit(reader)
        if (this.#blockCount !== before) return true
      }
    }
    return true
  }

  /** Writes what follows the last event; to be called after the last step. */
  end(isInterrupted = false): void {
    this.#summary(isInterrupted)
    this.#flush()
  }

  #refused({ files, message, path }: RecordingRefused): void {
    const { warn } = this.#request
    if (isUnsettled(path, files, this.#request.isWritten)) {
      warn(`WARNING: ${message} (${unsettled})`)
      return
    }
    this.failureCount++
    if (this.#isNdjson) this.#json.refusal(message, this.#out)
    warn(`ERROR: ${message}`)
  }

  #emitter(): (reader: StreamReader) => void {
    const out = this.#out
    const { format } = this.#request
    if (typeof format === "object") {
      return ({ stream }) => {
        format.event(stream, out)
        if (out.at >= blockBytes) this.#flush()
      }
    }
    switch (format) {
      case "text":
        return ({ stream }) => {
          this.#text.event(stream, out)
          if (out.at >= blockBytes) this.#flush()
        }
      case "ndjson":
        return ({ stream }) => {
          this.#json.event(stream, out)
          if (out.at >= blockBytes) this.#flush()
        }
      case "count":
      case "count-ndjson":
        return ({ stream }) => this.#counts.event(stream)
      case "histogram":
        return ({ stream }) => this.#counts.timed(stream)
      default:
        return () => {}
    }
  }

  /** Warns of a packet with another UUID, once for each trace. The packet is read all the same. */
  #checkUuid({ path, stream }: StreamReader): void {
    const { cursor, trace } = stream
    const { uuid } = trace.traceClass
    if (uuid === undefined || cursor.uuid === undefined || this.#strange.has(trace)) return
    if (Buffer.compare(uuid, cursor.uuid) === 0) return
    this.#strange.add(trace)
    this.#request.warn(`WARNING: ${path}: packet ${stream.packet} has the UUID of another trace`)
  }

  #other(reader: StreamReader): void {
    const { failure, interval, item, loss, stream } = reader
    if (item === "packet-begin") {
      this.#checkUuid(reader)
      return
    }
    const { text, warn } = this.#request
    if (item === "failure" && failure !== undefined) {
      this.#failed(reader, failure)
    } else if (item === "loss" && loss !== undefined) {
      const { from, to } = loss
      if (from !== undefined && to !== undefined && !isWithin(from, to, interval)) return
      if (this.#isNdjson) this.#json.loss(stream, loss, this.#out)
      const { id, path } = this.#recording.streamOf(reader)
      warn(LossText.warning(stream, id, path, clipped(loss, interval, stream), text))
    }
    // There may be no event to write a block after.
    if (this.#out.at >= blockBytes) this.#flush()
  }

  #failed(reader: StreamReader, failure: Failure): void {
    const { warn } = this.#request
    const event = failure.event === undefined ? "" : `, event ${failure.event}`
    const place = `packet ${failure.packet} (byte ${failure.offset} of the file), bit ${failure.bit}${event}`
    const line = `${failure.kind}: ${failure.message}; ${reader.path}, ${place}`
    const listed = this.#recording.listedOf(reader)
    const isGone = failure.kind === "gone"
    const directory = dirname(reader.listedPath)
    if (isGone || (reader.misfit === undefined && isUnsettled(directory, listed, this.#request.isWritten))) {
      if (!this.#isNdjson) this.#flush()
      warn(`WARNING: ${line}${isGone ? "" : ` (${unsettled})`}`)
      return
    }
    this.failureCount++
    if (this.#isNdjson) this.#json.failure(reader.stream, failure, this.#out)
    else this.#flush()
    warn(`ERROR: ${line}`)
  }

  #summary(isInterrupted: boolean): void {
    const { format, text } = this.#request
    if (typeof format === "object") format.end(this.#out, isInterrupted)
    if (format === "text") this.#text.end(this.#out)
    if (format === "count") this.#out.text(this.#counts.text())
    if (format === "count-ndjson") this.#out.text(this.#counts.json())
    if (format === "histogram") this.#out.text(this.#counts.histogram(text.isGmt))
  }

  #flush(): void {
    if (this.#out.at === 0) return
    this.#request.write(this.#out.written)
    this.#out.clear()
    this.#blockCount++
  }
}

const isWithin = (from: bigint, to: bigint, { begin, end }: Interval): boolean =>
  (begin === undefined || to >= nanos(begin)) && (end === undefined || from <= nanos(end))

/** A loss partly outside the interval, as babeltrace2 tells it: cut at ticks of the stream's clock, without a count. */
const clipped = (loss: Loss, { begin, end }: Interval, { plan }: DataStream): LossText.Told => {
  const { from, to } = loss
  if (from === undefined || to === undefined) return loss
  const isEarly = begin !== undefined && from < nanos(begin)
  const isLate = end !== undefined && to > nanos(end)
  if (!isEarly && !isLate) return loss
  const tick = (time: Time): bigint => plan?.clock?.tick(nanos(time)) ?? nanos(time)
  return { ...loss, count: undefined, from: isEarly ? tick(begin) : from, to: isLate ? tick(end) : to }
}

/** How many events were wanted; how many packets could not be decoded further, and traces not be read at all. */
export interface Outcome {
  readonly eventCount: number
  readonly failureCount: number
}

/** Writes all of a recording, and closes it. Damage is reported by `warn`, never thrown; what `write` throws is. */
export const print = (recording: Recording, request: Request): Outcome => {
  try {
    const printer = new Printer(recording, request)
    while (printer.step());
    printer.end()
    return { eventCount: printer.eventCount, failureCount: printer.failureCount }
  } finally {
    recording.close()
  }
}

/** Writes the NDJSON of a recording that could not be opened. */
export const printRefusal = ({ message }: RecordingRefused, write: Request["write"]): void => {
  const out = new Bytes()
  new Json(() => ({ streamId: 0 })).refusal(message, out)
  write(out.written)
}
