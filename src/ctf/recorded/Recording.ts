/**
 * Recorded traces as one sequence of items, in babeltrace2's order. Plain and synchronous: files are read as they are
 * needed, through windows whose memory together is bounded.
 *
 * After each `next` the head is the item; it and all that it refers to are valid until the next call.
 */
import { dirname } from "node:path"
import { nanos } from "../decode/Clock.ts"
import { correlate } from "../decode/Correlation.ts"
import { compareInts, type Int } from "../decode/Cursor.ts"
import { DataStream } from "../decode/DataStream.ts"
import type { Failure } from "../decode/Fault.ts"
import { Merge } from "../decode/Merge.ts"
import type { TracePlan } from "../decode/Plan.ts"
import type { TraceClass } from "../model/TraceClass.ts"
import * as Activity from "./Activity.ts"
import { FileWindow } from "./FileWindow.ts"
import { always, type Interval, intersection, isEmpty } from "./Interval.ts"
import type { Listed } from "./Moved.ts"
import * as PacketIndex from "./PacketIndex.ts"
import { Packets } from "./Packets.ts"
import { RecordingRefused } from "./RecordingRefused.ts"
import { StreamReader } from "./StreamReader.ts"
import * as Streams from "./Streams.ts"
import type { TraceDirectory } from "./TraceDirectories.ts"
import * as Traces from "./Traces.ts"

export type { Listed } from "./Moved.ts"
export { RecordingRefused } from "./RecordingRefused.ts"

/** How recorded traces are opened. */
export interface Options {
  /** The interval that is wanted. `first` tells when the recording begins, in ns from the clocks' origin. */
  readonly interval: (first: () => bigint | undefined) => Interval
  /** Read of each trace only the time in which all of its streams are active. */
  readonly isIntersected: boolean
  /** Compare times even if the clocks have different origins. */
  readonly isCorrelationForced: boolean
  /** If there is any trace, missing ones are only `warnings`, and those that cannot be read only `refusals`. */
  readonly isPartial: boolean
  /** Bytes that an event refers to are never overwritten: for callers that keep events. */
  readonly isKept: boolean
  /** ns that are added to all times. */
  readonly clockShift: bigint
  /** What decoders are made of; undefined: generated code, if the runtime allows that. */
  readonly code: TracePlan["code"] | undefined
}

/** Everything, each stream once, with clocks as the metadata has them. */
export const defaults: Options = {
  interval: () => always,
  isIntersected: false,
  isCorrelationForced: false,
  isPartial: false,
  isKept: false,
  clockShift: 0n,
  code: undefined
}

/** One data stream of a recording: its files in order. */
export interface RecordedStream {
  readonly reader: StreamReader
  readonly trace: TracePlan
  /** The stream's id; if packets do not say one, its number in the trace. */
  readonly id: Int
  /** The file with its first packet. */
  readonly path: string
}

/** Memory of all windows together; each has its share of that, within the two bounds below. */
const windowsBytesMax = 32 * 1024 * 1024
/** A share below this is twice as large, up to this: smaller windows save little, and reading often takes a quarter. */
const windowBytesFew = 16 * 1024
const windowBytesMax = 512 * 1024
const windowBytesMin = 1024
/** Files stay open between reads if there are no more than this. */
const heldMax = 256

interface Found extends Streams.StreamFiles {
  readonly trace: TracePlan
}

const compareStreams = (a: Found, b: Found): number =>
  Traces.compare(a.trace, b.trace) ||
  compareInts(a.plan?.streamClass.id ?? -1n, b.plan?.streamClass.id ?? -1n) ||
  compareInts(a.id, b.id)

/** What is in the directories of the traces, by their paths. */
export type Places = ReadonlyMap<
  string,
  {
    readonly files: ReadonlyArray<Listed>
    readonly metadataFile: Listed
  }
>

/** Recorded traces, read as one sequence of events in the order of time. */
export class Recording {
  readonly streams: ReadonlyArray<RecordedStream>
  /** Lines for people: traces that are missing, clocks that may not belong together. */
  readonly warnings: ReadonlyArray<string>
  /** Traces that are there but could not be read, and why. */
  readonly refusals: ReadonlyArray<RecordingRefused>
  readonly #places: Places
  readonly #merge = new Merge<StreamReader>()
  #isStarted = false

  constructor(
    streams: ReadonlyArray<RecordedStream>,
    warnings: ReadonlyArray<string>,
    refusals: ReadonlyArray<RecordingRefused>,
    places: Places
  ) {
    this.streams = streams
    this.warnings = warnings
    this.refusals = refusals
    this.#places = places
  }

  /** The classes of all traces that have streams. */
  get traceClasses(): ReadonlyArray<TraceClass> {
    return [...new Set(this.streams.map(({ trace }) => trace.traceClass))]
  }

  /** The stream that a reader reads. */
  streamOf(reader: StreamReader): RecordedStream {
    return this.streams[reader.rank] as RecordedStream
  }

  /** What the reader's packet is decoded by, as it was listed: its file, and the metadata beside it. */
  listedOf({ listedPath }: StreamReader): ReadonlyArray<Listed> {
    const place = this.#places.get(dirname(listedPath))
    const file = place?.files.find(({ path }) => path === listedPath)
    return place === undefined || file === undefined ? [] : [place.metadataFile, file]
  }

  /** The reader that stands at the next item of all streams, in the order of time; undefined when there is none. */
  next(): StreamReader | undefined {
    const merge = this.#merge
    if (this.#isStarted) {
      const head = merge.head
      if (head === undefined) return undefined
      head.advance()
      if (head.item === "over") merge.remove()
      else merge.settle()
    } else {
      this.#start()
    }
    return merge.head
  }

  #start(): void {
    this.#isStarted = true
    for (const { reader } of this.streams) {
      reader.advance()
      if (reader.item !== "over") this.#merge.add(reader)
    }
  }

  /** Closes the files. */
  close(): void {
    for (const { reader } of this.streams) reader.close()
  }
}

/** Why the streams cannot be put into one order; undefined when they can. */
const obstacle = (found: ReadonlyArray<Found>, warnings: Array<string>): string | undefined => {
  const clocks = found.flatMap(({ plan, trace }) => {
    const clock = plan?.streamClass.clock
    return clock === undefined ? [] : [{ clock, trace: trace.traceClass }]
  })
  const correlation = correlate(clocks)
  if (correlation === "unknown") warnings.push("the clocks of several traces are compared although none has an origin")
  if (correlation !== "different") return undefined
  return "the clocks of the streams have different origins: their times cannot be compared"
}

const firstOf = (found: ReadonlyArray<Found>): bigint | undefined =>
  found.reduce<bigint | undefined>(
    (first, { begin }) => (first === undefined || (begin !== undefined && begin < first) ? begin : first),
    undefined
  )

/** The time of the first event: needed if packets do not tell when they begin. */
const firstEvent = (paths: ReadonlyArray<string>, options: Options): bigint | undefined => {
  const recording = open(paths, { ...options, interval: () => always, isIntersected: false })
  try {
    for (let reader = recording.next(); reader !== undefined; reader = recording.next()) {
      if (reader.item === "event" && reader.stream.hasTime) return nanos(reader.stream.time)
    }
    return undefined
  } finally {
    recording.close()
  }
}

/** The failure of a stream without a clock beside others that have one. Its events come before all others. */
const misfit = (path: string): Failure => ({
  kind: "clock-mismatch",
  message: "the stream has no clock, and others have one: its events have no place among theirs",
  stream: path,
  packet: 0,
  offset: 0,
  bit: 0,
  event: undefined
})

/** The time in which all streams of the trace were active. */
const common = ({ parts, plan }: Traces.Trace, own: ReadonlyArray<Found>): Interval => {
  const intervals = own.map((files) => {
    const activity = Activity.of(files, plan)
    if (activity !== undefined) return activity
    throw new RecordingRefused(files.files[0]?.path ?? "", "its packets do not tell when the stream was active")
  })
  const all = intervals.reduce(intersection, always)
  if (own.length > 0 && !isEmpty(all)) return all
  const place = parts.map(({ directory }) => directory.path).join(", ")
  throw new RecordingRefused(place, "there is no time in which all of its streams are active")
}

const filesIn = ({ files, metadataFile }: TraceDirectory) => ({ files, metadataFile })

/** Opens all traces below the directories `paths` as one recording, to be closed. Throws `RecordingRefused`. */
export const open = (paths: ReadonlyArray<string>, options: Options = defaults): Recording => {
  const { refusals, traces } = Traces.find(paths, options)
  const warnings = refusals.filter(({ isMissing }) => isMissing).map(({ message }) => message)
  const found: Array<Found> = traces.flatMap((trace) =>
    Streams.group(Traces.filesOf(trace), trace.plan).map((files) => ({ ...files, trace: trace.plan }))
  )
  const reason = options.isCorrelationForced ? undefined : obstacle(found, warnings)
  if (reason !== undefined) throw new RecordingRefused(paths.join(", "), reason)
  const interval = options.interval(() => firstOf(found) ?? firstEvent(paths, options))
  const byTrace = Map.groupBy(options.isIntersected ? found : [], ({ trace }) => trace)
  const wantedOf = (trace: Traces.Trace) =>
    options.isIntersected ? intersection(interval, common(trace, byTrace.get(trace.plan) ?? [])) : interval
  const intervals = new Map(traces.map((trace) => [trace.plan, wantedOf(trace)]))
  const share = Math.floor(windowsBytesMax / found.length)
  const windowBytes = Math.max(windowBytesMin, Math.min(windowBytesMax, share), Math.min(windowBytesFew, 2 * share))
  const fileCount = found.reduce((count, { files }) => count + files.length, 0)
  const hasClocks = !options.isCorrelationForced && found.some(({ plan }) => plan?.clock !== undefined)
  const windowOptions = { windowBytes, isKept: options.isKept, isHeld: fileCount <= heldMax, spare: [] }
  const streams = found.sort(compareStreams).map(({ begins, files, id, plan, trace }, rank): RecordedStream => {
    const interval = intervals.get(trace) ?? always
    const { begin } = interval
    const offsets = begin && files.map((file) => PacketIndex.offsetBefore(file, trace, plan?.clock, begin))
    const windows = files.map((file) => new FileWindow(file, windowOptions))
    const path = files[0]?.path ?? ""
    const stream = new DataStream(path, trace)
    const reader = new StreamReader(stream, new Packets(windows, trace, begins, offsets), rank, interval)
    if (hasClocks && plan !== undefined && plan.clock === undefined) reader.misfit = misfit(path)
    return { reader, trace, id, path }
  })
  return new Recording(
    streams,
    warnings,
    refusals.filter(({ isMissing }) => !isMissing),
    new Map(traces.flatMap(({ parts }) => parts).map(({ directory }) => [directory.path, filesIn(directory)]))
  )
}
