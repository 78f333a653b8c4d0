/**
 * Recorded traces for programs: events that stay valid, as an iterable of plain calls and as a `Stream`. The bytes that
 * an event refers to are never overwritten; its fields are decoded when they are asked for.
 */
import { Effect, Stream } from "effect"
import { nanos } from "../decode/Clock.ts"
import { Cursor, readAgain } from "../decode/Cursor.ts"
import type { DataStream } from "../decode/DataStream.ts"
import type { Failure } from "../decode/Fault.ts"
import type { Filter } from "../decode/Fields.ts"
import type { Loss } from "../decode/Losses.ts"
import type { EventPlan } from "../decode/Plan.ts"
import { root } from "../decode/Slots.ts"
import * as Values from "../decode/Values.ts"
import { isWanted } from "../filter/Filters.ts"
import type { Scope, Structure } from "../model/FieldClass.ts"
import type { EventClass, TraceClass } from "../model/TraceClass.ts"
import * as Interval from "./Interval.ts"
import * as Recording from "./Recording.ts"
import type { StreamReader } from "./StreamReader.ts"

const noFields: Values.Structured = Object.freeze(Object.create(null))

/** One event record. */
export class Event {
  readonly #plan: EventPlan
  readonly #cursor: Cursor
  readonly #head: Cursor
  readonly #contextAt: number
  /** Nanoseconds from the clock's origin, for LTTng the epoch; undefined without a clock. */
  readonly timestamp: bigint | undefined
  /** The data file that it is in. */
  readonly path: string

  constructor(stream: DataStream, path: string) {
    this.#plan = stream.current as EventPlan
    this.#cursor = copy(stream.cursor)
    this.#head = copy(stream.head)
    this.#contextAt = stream.contextAt
    this.timestamp = stream.hasTime ? nanos(stream.time) : undefined
    this.path = path
  }

  get name(): string | undefined {
    return this.#plan.eventClass.name
  }

  get eventClass(): EventClass {
    return this.#plan.eventClass
  }

  get traceClass(): TraceClass {
    return this.#plan.stream.trace.traceClass
  }

  /** The payload by the names of its members; empty, as are the contexts, if the class has none. */
  get fields(): Values.Structured {
    return this.#read(this.#cursor, this.#cursor.payloadAt, this.eventClass.payload, "event-record-payload")
  }

  get commonContext(): Values.Structured {
    const { commonContext } = this.#plan.stream.streamClass
    return this.#read(this.#cursor, this.#cursor.commonAt, commonContext, "event-record-common-context")
  }

  get specificContext(): Values.Structured {
    const { specificContext } = this.eventClass
    return this.#read(this.#cursor, this.#cursor.ownAt, specificContext, "event-record-specific-context")
  }

  get packetContext(): Values.Structured {
    const { packetContext } = this.#plan.stream.streamClass
    return this.#read(this.#head, this.#contextAt, packetContext, "packet-context")
  }

  #read(cursor: Cursor, at: number, structure: Structure | undefined, scope: Scope): Values.Structured {
    if (structure === undefined) return noFields
    let read = this.#plan.compiled.get(structure) as Values.ReadValue | undefined
    if (read === undefined) {
      read = Values.value(structure, root(scope), this.#plan.stream.slots)
      this.#plan.compiled.set(structure, read)
    }
    readAgain(cursor, at)
    return read(cursor) as Values.Structured
  }
}

const copy = (cursor: Cursor): Cursor => Object.assign(new Cursor(), cursor, { refs: cursor.refs.slice() })

/**
 * What reading a trace brings: an event, a loss that the tracer tells of, or a packet that cannot be decoded further.
 */
export type Item =
  | { readonly _tag: "Event"; readonly event: Event }
  | { readonly _tag: "Loss"; readonly loss: Loss; readonly path: string }
  /** A packet could not be decoded further; reading goes on after it. */
  | { readonly _tag: "Failure"; readonly failure: Failure; readonly path: string }

/** What is read of the traces. */
export interface Options {
  /** Events from `begin` to `end`, both included; nanoseconds from the clocks' origin, for LTTng the epoch. */
  readonly begin?: bigint
  readonly end?: bigint
  /** The events that are wanted: decided before anything is copied. */
  readonly filter?: Filter
}

const itemOf = (reader: StreamReader, filter: Filter | undefined): Item | undefined => {
  const { failure, item, loss, path, stream } = reader
  if (item === "failure" && failure !== undefined) return { _tag: "Failure", failure, path }
  if (item === "loss" && loss !== undefined) return { _tag: "Loss", loss, path }
  if (item !== "event") return undefined
  if (!reader.isWanted || !isWanted(stream, filter)) return undefined
  return { _tag: "Event", event: new Event(stream, path) }
}

const open = (paths: ReadonlyArray<string>, options: Options): Recording.Recording => {
  const interval = Interval.between(options.begin, options.end)
  return Recording.open(paths, { ...Recording.defaults, isKept: true, interval: () => interval })
}

function* itemsOf(recording: Recording.Recording, { filter }: Options): Generator<Item, void> {
  for (let reader = recording.next(); reader !== undefined; reader = recording.next()) {
    const item = itemOf(reader, filter)
    if (item !== undefined) yield item
  }
}

/**
 * All items of the traces below the directories `paths`, in order, without Effect. Files are closed when it ends or is
 * left. Throws `Recording.RecordingRefused` if a path has no trace, or metadata cannot be used; a file that can be read
 * no further is a failure among the items.
 */
export function* items(paths: ReadonlyArray<string>, options: Options = {}): Generator<Item, void> {
  const recording = open(paths, options)
  try {
    yield* itemsOf(recording, options)
  } finally {
    recording.close()
  }
}

/** Any other error is a defect, of ours or of a filter. */
const refusal = (cause: unknown): Recording.RecordingRefused => {
  if (cause instanceof Recording.RecordingRefused) return cause
  throw cause
}

/** Items that the stream hands on together. */
const chunkSize = 256

/** The same as a `Stream`; files are open while it runs. Fails with `Recording.RecordingRefused`. */
export const stream = (
  paths: ReadonlyArray<string>,
  options: Options = {}
): Stream.Stream<Item, Recording.RecordingRefused> =>
  Stream.unwrap(
    Effect.acquireRelease(Effect.try({ try: () => open(paths, options), catch: refusal }), (recording) =>
      Effect.sync(() => recording.close())
    ).pipe(Effect.map((recording) => Stream.fromIterable(itemsOf(recording, options), { chunkSize })))
  )
