/**
 * What a trace's classes compile to: per data stream class how a packet's head and an event record's header are read,
 * per event record class how its end is found. Compiled when first met, kept for as long as the class.
 */

import type { Structure } from "../model/FieldClass.ts"
import type { DataStreamClass, EventClass, TraceClass } from "../model/TraceClass.ts"
import { Clock } from "./Clock.ts"
import { Compiled } from "./Compiled.ts"
import { type Int, narrowed } from "./Cursor.ts"
import { canGenerate, generateHeader } from "./Generated.ts"
import { scan } from "./Scan.ts"
import * as Skip from "./Skip.ts"
import { root, Slots } from "./Slots.ts"

const nothing: Skip.Skip = () => {}

/** How the events of one class are decoded. */
export class EventPlan {
  readonly eventClass: EventClass
  readonly stream: StreamPlan
  /** Moves from the end of a record's header to its end, and notes where each scope begins. */
  scan: Skip.Skip
  /** Whatever printers and filters have compiled for this class. */
  readonly compiled = new Compiled()

  constructor(eventClass: EventClass, stream: StreamPlan) {
    this.eventClass = eventClass
    this.stream = stream
    const { payload, specificContext: own } = eventClass
    const record = { common: stream.streamClass.commonContext, own, payload }
    const isGenerated = stream.trace.code === "generated"
    const replace = (scan: Skip.Skip) => {
      this.scan = scan
    }
    this.scan = scan(record, stream.slots, isGenerated ? replace : undefined)
  }
}

/** Classes with ids below this are found in an array, others in a map. */
const idsNear = 2048

/** How the packets and events of one stream class are decoded: made once, at the first need. */
export class StreamPlan {
  readonly trace: TracePlan
  readonly streamClass: DataStreamClass
  readonly slots = new Slots()
  readonly clock: Clock | undefined
  /** They pass over the heads, and keep what fields of event records refer to. Compiled anew: see `event`. */
  packetHeader: Skip.Skip = nothing
  packetContext: Skip.Skip = nothing
  eventHeader: Skip.Skip = nothing
  /** `headsVersion` of the slots when the heads were compiled. */
  #version = -1
  readonly #near: Array<EventPlan | undefined> = []
  readonly #far = new Map<Int, EventPlan>()

  constructor(streamClass: DataStreamClass, trace: TracePlan) {
    this.streamClass = streamClass
    this.trace = trace
    this.clock = streamClass.clock === undefined ? undefined : new Clock(streamClass.clock, trace.clockShift)
    this.slots.collect(trace.traceClass.packetHeader)
    this.slots.collect(streamClass.packetContext)
    this.slots.collect(streamClass.eventHeader)
    this.slots.collect(streamClass.commonContext)
    this.#compileHeads()
  }

  #collect({ payload, specificContext }: EventClass): void {
    this.slots.collect(specificContext)
    this.slots.collect(payload)
  }

  #compileHeads(): void {
    this.#version = this.slots.headsVersion
    const compile = (structure: Structure | undefined, scope: Parameters<typeof root>[0]) =>
      structure === undefined ? nothing : Skip.skip(structure, root(scope), this.slots)
    this.packetHeader = compile(this.trace.traceClass.packetHeader, "packet-header")
    this.packetContext = compile(this.streamClass.packetContext, "packet-context")
    const { eventHeader } = this.streamClass
    const isGenerated = eventHeader !== undefined && this.trace.code === "generated"
    this.eventHeader = isGenerated
      ? generateHeader(eventHeader, "event-record-header", this.slots)
      : compile(eventHeader, "event-record-header")
  }

  /**
   * The plan of the event class with this id; undefined if there is none. A class that was declared later may refer to
   * fields of the heads, which are compiled anew then: `headsVersion` tells that the packet's heads must be read again.
   */
  event(id: Int): EventPlan | undefined {
    return (typeof id === "number" ? this.#near[id] : undefined) ?? this.#far.get(id) ?? this.#compile(id)
  }

  /** Changes when the heads were compiled anew. */
  get headsVersion(): number {
    return this.#version
  }

  #compile(id: Int): EventPlan | undefined {
    const eventClass = this.streamClass.events.get(BigInt(id))
    if (eventClass === undefined) return undefined
    this.#collect(eventClass)
    if (this.slots.headsVersion !== this.#version) this.#compileHeads()
    const plan = new EventPlan(eventClass, this)
    if (typeof id === "number" && id < idsNear) this.#near[id] = plan
    else this.#far.set(id, plan)
    return plan
  }

  /** The plan for records that do not say their class: that of id 0, or the only one. */
  get lone(): EventPlan | undefined {
    const zero = this.event(0)
    const { events } = this.streamClass
    if (zero !== undefined || events.size !== 1) return zero
    for (const { id } of events.values()) return this.event(narrowed(id))
    return undefined
  }
}

/** How a trace is decoded: the metadata turned into readers. */
export class TracePlan {
  readonly traceClass: TraceClass
  /** The trace's name as babeltrace2 makes it: host name, then the path below the directory that was asked for. */
  readonly name: string | undefined
  /** Functions generated from text, or closures where the runtime forbids that. They decode alike. */
  readonly code: "generated" | "closures"
  /** ns that are added to all times; to be set before the first packet. */
  clockShift = 0n
  /** Reads the packet header, which says the stream class; what event records refer to is not kept. */
  readonly packetHeader: Skip.Skip
  readonly #streams = new Map<DataStreamClass, StreamPlan>()

  constructor(traceClass: TraceClass, name?: string, code: TracePlan["code"] = canGenerate ? "generated" : "closures") {
    this.code = code
    this.traceClass = traceClass
    this.name = name
    const { packetHeader } = traceClass
    const slots = new Slots()
    slots.collect(packetHeader)
    this.packetHeader = packetHeader === undefined ? nothing : Skip.skip(packetHeader, root("packet-header"), slots)
  }

  /** The plan of the stream class with this id; without an id that of id 0, or the only one. */
  stream(id: Int | undefined): StreamPlan | undefined {
    const { dataStreams } = this.traceClass
    let streamClass = dataStreams.get(BigInt(id ?? 0))
    if (streamClass === undefined && id === undefined && dataStreams.size === 1) {
      for (const lone of dataStreams.values()) streamClass = lone
    }
    if (streamClass === undefined) return undefined
    let plan = this.#streams.get(streamClass)
    if (plan === undefined) {
      plan = new StreamPlan(streamClass, this)
      this.#streams.set(streamClass, plan)
    }
    return plan
  }
}
