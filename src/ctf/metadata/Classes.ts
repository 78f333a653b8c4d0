/** The classes of a trace while its metadata grows: readers of both formats add declarations here. */
import type { Scope, Structure } from "../model/FieldClass.ts"
import type { ClockClass, DataStreamClass, EventClass, TraceClass } from "../model/TraceClass.ts"
import type { StructureDraft } from "./Draft.ts"
import { invalid, type Place } from "./MetadataRefused.ts"
import { Resolver } from "./Resolution.ts"

type Writable<A> = { -readonly [K in keyof A]: A[K] }

export interface GrowingTrace extends Omit<Writable<TraceClass>, "clocks" | "dataStreams" | "environment"> {
  readonly clocks: Map<string, ClockClass>
  readonly dataStreams: Map<bigint, GrowingDataStream>
  readonly environment: Map<string, bigint | string>
}

export interface GrowingDataStream extends Omit<Writable<DataStreamClass>, "events"> {
  readonly events: Map<bigint, EventClass>
}

export const emptyTrace = (format: TraceClass["format"]): GrowingTrace => ({
  format,
  namespace: undefined,
  name: undefined,
  uid: undefined,
  uuid: undefined,
  byteOrder: undefined,
  environment: new Map(),
  packetHeader: undefined,
  clocks: new Map(),
  dataStreams: new Map()
})

export type Names = Pick<TraceClass, "namespace" | "name" | "uid">
export const noNames: Names = { namespace: undefined, name: undefined, uid: undefined }

export interface DataStreamDraft extends Names {
  readonly id: bigint
  readonly clock: ClockClass | undefined
  readonly packetContext: StructureDraft | undefined
  readonly eventHeader: StructureDraft | undefined
  readonly commonContext: StructureDraft | undefined
}

export interface EventFacts extends Names {
  readonly id: bigint
  readonly logLevel: bigint | undefined
  readonly emfUri: string | undefined
}

export interface EventDraft extends EventFacts {
  readonly specificContext: StructureDraft | undefined
  readonly payload: StructureDraft | undefined
}

/** An event class whose payload is made at the first use. */
class PlainEventClass implements EventClass {
  readonly id: bigint
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly uid: string | undefined
  readonly logLevel: bigint | undefined
  readonly emfUri: string | undefined
  readonly specificContext = undefined
  /** Undefined once it was called: it keeps the reader and what that has read. */
  #make: (() => Structure) | undefined
  #payload: Structure | undefined = undefined

  constructor({ emfUri, id, logLevel, name, namespace, uid }: EventFacts, make: () => Structure) {
    this.id = id
    this.namespace = namespace
    this.name = name
    this.uid = uid
    this.logLevel = logLevel
    this.emfUri = emfUri
    this.#make = make
  }

  get payload(): Structure | undefined {
    if (this.#make !== undefined) {
      this.#payload = this.#make()
      this.#make = undefined
    }
    return this.#payload
  }
}

/** Resolves the references of declarations, and adds them to a trace. */
export class Declarations {
  readonly trace: GrowingTrace
  readonly #resolver: Resolver

  constructor(trace: GrowingTrace) {
    this.trace = trace
    this.#resolver = new Resolver(trace.format === "1.8")
  }

  packetHeader(draft: StructureDraft): void {
    this.trace.packetHeader = this.#resolver.structure(draft, "packet-header", new Map())
  }

  dataStream(draft: DataStreamDraft, place: Place): GrowingDataStream {
    const { id, clock, namespace, name, uid } = draft
    if (this.trace.dataStreams.has(id)) throw invalid(place, `data stream class ${id} is declared twice`)
    const earlier = new Map<Scope, Structure>()
    if (this.trace.packetHeader !== undefined) earlier.set("packet-header", this.trace.packetHeader)
    const resolve = (inner: StructureDraft | undefined, scope: Scope): Structure | undefined => {
      if (inner === undefined) return undefined
      const made = this.#resolver.structure(inner, scope, earlier)
      earlier.set(scope, made)
      return made
    }
    const made: GrowingDataStream = {
      id,
      namespace,
      name,
      uid,
      clock,
      packetContext: resolve(draft.packetContext, "packet-context"),
      eventHeader: resolve(draft.eventHeader, "event-record-header"),
      commonContext: resolve(draft.commonContext, "event-record-common-context"),
      events: new Map()
    }
    this.trace.dataStreams.set(id, made)
    return made
  }

  #checkNew(id: bigint, stream: GrowingDataStream, place: Place): void {
    if (!stream.events.has(id)) return
    throw invalid(place, `event class ${id} of data stream class ${stream.id} is declared twice`)
  }

  /** Adds an event whose payload is valid and refers to no other scope: `payload` is called at the first use. */
  plainEvent(facts: EventFacts, payload: () => StructureDraft, stream: GrowingDataStream, place: Place): void {
    this.#checkNew(facts.id, stream, place)
    const made = () => this.#resolver.structure(payload(), "event-record-payload", new Map())
    stream.events.set(facts.id, new PlainEventClass(facts, made))
  }

  event(draft: EventDraft, stream: GrowingDataStream, place: Place): void {
    this.#checkNew(draft.id, stream, place)
    const earlier = new Map<Scope, Structure>()
    const before = [
      ["packet-header", this.trace.packetHeader],
      ["packet-context", stream.packetContext],
      ["event-record-header", stream.eventHeader],
      ["event-record-common-context", stream.commonContext]
    ] as const
    for (const [scope, structure] of before) if (structure !== undefined) earlier.set(scope, structure)
    const { specificContext: context, payload, ...rest } = draft
    const specificContext =
      context === undefined ? undefined : this.#resolver.structure(context, "event-record-specific-context", earlier)
    if (specificContext !== undefined) earlier.set("event-record-specific-context", specificContext)
    stream.events.set(draft.id, {
      ...rest,
      specificContext,
      payload: payload === undefined ? undefined : this.#resolver.structure(payload, "event-record-payload", earlier)
    })
  }
}

/** The clock with less than a second in `offsetCycles`; the rest moves to `offsetSeconds`. */
export const normalised = (clock: ClockClass): ClockClass => ({
  ...clock,
  offsetSeconds: clock.offsetSeconds + clock.offsetCycles / clock.frequency,
  offsetCycles: clock.offsetCycles % clock.frequency
})

export const uuidBytes = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll("-", "").match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))

export const uuidText = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
