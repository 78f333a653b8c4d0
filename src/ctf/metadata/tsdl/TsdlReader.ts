/**
 * Reads whole declarations of TSDL into the classes of a trace, one piece of text after the other.
 *
 * Inside a piece the order is that of all readers: env, clocks, types, trace, streams, events; a type whose name is not
 * made of basic words is known only after its declaration. Nothing is declared before the trace block is there,
 * since it says the byte order.
 */
import type { ClockClass, TraceClass } from "../../model/TraceClass.ts"
import { Declarations, emptyTrace, type GrowingDataStream, noNames, normalised, uuidBytes } from "../Classes.ts"
import type { Draft, StructureDraft } from "../Draft.ts"
import { advanced, type Start } from "../Lines.ts"
import { invalid, MetadataRefused, syntax } from "../MetadataRefused.ts"
import { Attributes } from "./Attributes.ts"
import { lex } from "./Lexer.ts"
import { Parser } from "./Parser.ts"
import type { KnownFields, PlainFields } from "./PlainEvents.ts"
import * as Roles from "./Roles.ts"
import type { Block, BlockName, Item, Placed, Plain, TypeSyntax, Value } from "./Syntax.ts"
import { TypeScope } from "./TypeScope.ts"
import { type PlainMember, Types } from "./Types.ts"

const isBlock =
  (name: BlockName) =>
  (item: Block | Item | Plain): item is Block =>
    item.kind === "block" && item.name === name

const isEvent = isBlock("event")

const attributesOf = ({ items, place }: Block): Attributes =>
  new Attributes(
    items.flatMap((item) => (item.kind === "value" ? [{ name: item.path, value: item.value, place: item.place }] : [])),
    place
  )

/** A frequency that readers take for none. */
const noFrequency = 2n ** 64n - 1n

/** A value of the environment. A name counts as a text without quotes. */
const environmentValue = (value: Value): bigint | string => {
  if (value.kind === "integer") return value.value
  return value.kind === "string" ? value.text : value.names.join(".")
}

const theClock: ClockClass = {
  id: "",
  namespace: undefined,
  name: undefined,
  uid: undefined,
  description: undefined,
  frequency: 1_000_000_000n,
  offsetSeconds: 0n,
  offsetCycles: 0n,
  precision: undefined,
  accuracy: undefined,
  origin: undefined
}

/** What is known of the fields of plain events, which many events share. */
interface Fields {
  readonly members: ReadonlyArray<PlainMember>
  /** Made at the first use. */
  payload: StructureDraft | undefined
  /** Undefined: not looked at yet. */
  isPlain: boolean | undefined
}

/** Characters of a line that a refusal shows. */
const excerptMax = 120

/** What must be the same in a repeated clock: not the origin, which `#correlate` may have set since. */
const told = ["uid", "description", "frequency", "offsetSeconds", "offsetCycles", "precision"] as const

const isSame = (known: ClockClass, again: ClockClass): boolean => told.every((key) => known[key] === again[key])

export class TsdlReader {
  readonly #trace = emptyTrace("1.8")
  readonly #declarations = new Declarations(this.#trace)
  readonly #root = new TypeScope(undefined)
  readonly #types = new Types(() => ({
    byteOrder: this.#trace.byteOrder ?? "little-endian",
    clocks: this.#trace.clocks,
    environment: this.#trace.environment
  }))
  readonly #plain: KnownFields = new Map()
  /** Types of plain fields, by their text. */
  readonly #plainTypes = new Map<string, TypeSyntax>()
  readonly #plainFields = new Map<PlainFields, Fields>()
  #tokenCount = 0
  /** What was declared before the trace block, and is evaluated with it. */
  #waiting: ReadonlyArray<Block | Item | Plain> = []
  /** The trace block was read. */
  #isDeclared = false

  /** Whether there was no declaration at all. */
  get isEmpty(): boolean {
    return !this.#isDeclared && this.#waiting.length === 0
  }

  /** Undefined while there is no trace block. */
  get traceClass(): TraceClass | undefined {
    return this.#isDeclared ? this.#trace : undefined
  }

  read(text: string, start: Start): void {
    this.#waiting = [...this.#waiting, ...this.#parse(text, start)]
    const blocks = this.#waiting.filter(isBlock("trace"))
    if (blocks.length === 0 && !this.#isDeclared) return
    const found = this.#waiting
    this.#waiting = []
    this.#evaluate(found, blocks)
  }

  /** Reads what is the last of the metadata. What later events would share is forgotten: classes keep the reader. */
  readLast(text: string, start: Start): void {
    this.read(text, start)
    this.#plain.clear()
    this.#plainTypes.clear()
    this.#plainFields.clear()
  }

  #parse(text: string, start: Start): ReadonlyArray<Block | Item | Plain> {
    try {
      const parser = new Parser(lex(text, { ...start, order: this.#tokenCount, plain: this.#plain }))
      const items = parser.metadata()
      this.#tokenCount = parser.order + 1
      for (const item of items) if (item.kind === "plain") this.#readTypes(item)
      return items
    } catch (cause) {
      if (!(cause instanceof MetadataRefused) || !("line" in cause.place) || "fragment" in cause.place) throw cause
      const { line, column } = cause.place
      const written = text.split("\n")[line - start.line] ?? ""
      throw new MetadataRefused(cause.kind, { line, column, text: written.slice(0, excerptMax) }, cause.reason)
    }
  }

  #readTypes({ event, place }: Plain): void {
    const { written, fields, fieldsAt } = event
    if (this.#plainFields.has(fields)) return
    const members = fields.map(({ distance, length, name, type }) => {
      let read = this.#plainTypes.get(type)
      if (read === undefined) {
        const at = advanced(place, written.slice(0, fieldsAt + distance))
        read = new Parser(lex(type, { ...at, order: place.order, plain: undefined })).type()
        this.#plainTypes.set(type, read)
      }
      return { name, length, type: read }
    })
    this.#plainFields.set(fields, { members, payload: undefined, isPlain: undefined })
  }

  #evaluate(items: ReadonlyArray<Block | Item | Plain>, traces: ReadonlyArray<Block>): void {
    const [trace, second = this.#isDeclared ? trace : undefined] = traces
    if (second !== undefined) throw invalid(second.place, "a second `trace` block")
    if (trace !== undefined) this.#traceAttributes(trace)
    this.#isDeclared = true
    for (const block of items.filter(isBlock("env"))) this.#environment(block)
    for (const block of items.filter(isBlock("clock"))) this.#clock(block)
    this.#correlate()
    for (const item of items) this.#rootType(item)
    if (trace !== undefined) this.#packetHeader(trace)
    for (const block of items.filter(isBlock("stream"))) this.#stream(block)
    for (const item of items) {
      if (item.kind === "plain") this.#plainEvent(item)
      else if (isEvent(item)) this.#event(item)
    }
  }

  #traceAttributes(block: Block): void {
    const attributes = attributesOf(block)
    const version = ["major", "minor"].map((name) => attributes.required(name, attributes.integer(name)))
    if (version.join(".") !== "1.8") throw invalid(block.place, `CTF ${version.join(".")} is not 1.8`)
    if (!attributes.has("byte_order")) throw invalid(block.place, "`byte_order` is missing")
    const byteOrder = attributes.byteOrder("byte_order")
    if (byteOrder === undefined) throw attributes.wrong("byte_order", "`le`, `be` or `network`")
    this.#trace.byteOrder = byteOrder
    this.#trace.uid = attributes.uuid("uuid")
    this.#trace.uuid = this.#trace.uid === undefined ? undefined : uuidBytes(this.#trace.uid)
  }

  #environment({ items }: Block): void {
    for (const item of items) {
      // A type in `env` says nothing; readers ignore it.
      if (item.kind === "type") continue
      if (item.kind !== "value") throw syntax(item.place, "expected `name = value` in `env`")
      this.#trace.environment.set(item.path, environmentValue(item.value))
    }
  }

  #clock(block: Block): void {
    const attributes = attributesOf(block)
    const name = attributes.word("name")
    if (name === undefined || name === "") throw invalid(block.place, "a clock without `name`")
    const frequency = attributes.unsigned("freq") ?? 1_000_000_000n
    if (frequency === 0n || frequency === noFrequency) throw attributes.wrong("freq", "more than 0 cycles per second")
    const clock: ClockClass = {
      id: name,
      namespace: undefined,
      name,
      uid: attributes.uuid("uuid"),
      description: attributes.word("description"),
      frequency,
      offsetSeconds: attributes.integer("offset_s") ?? 0n,
      offsetCycles: attributes.unsigned("offset") ?? 0n,
      precision: attributes.unsigned("precision"),
      accuracy: undefined,
      origin: attributes.boolean("absolute") === true ? "unix-epoch" : undefined
    }
    const known = this.#trace.clocks.get(name)
    // babeltrace2 writes a clock again for each stream class that has it.
    if (known !== undefined && !isSame(known, normalised(clock))) {
      throw invalid(block.place, `clock \`${name}\` is declared twice, differently`)
    }
    if (known === undefined) this.#trace.clocks.set(name, normalised(clock))
  }

  /** All clocks of LTTng count from the epoch, but its metadata does not say so. */
  #correlate(): void {
    const tracer = this.#trace.environment.get("tracer_name")
    if (typeof tracer !== "string" || !tracer.startsWith("lttng")) return
    for (const [name, clock] of this.#trace.clocks) {
      if (clock.origin === undefined) this.#trace.clocks.set(name, { ...clock, origin: "unix-epoch" })
    }
  }

  #rootType(item: Block | Item | Plain): void {
    if (item.kind === "block" || item.kind === "plain") return
    if (item.kind === "value" || item.kind === "type") throw syntax(item.place, "an assignment outside of all blocks")
    this.#types.declare(item, this.#root)
  }

  /** The structures that a block assigns, by path; its own types are declared on the way. */
  #structures({ items }: Block): ReadonlyMap<string, { readonly draft: StructureDraft; readonly place: Placed }> {
    const scope = new TypeScope(this.#root)
    const found = new Map<string, { readonly draft: StructureDraft; readonly place: Placed }>()
    for (const item of items) {
      if (item.kind === "type") {
        if (found.has(item.path)) throw invalid(item.place, `\`${item.path}\` is set twice`)
        const draft: Draft = this.#types.type(item.type, scope)
        if (draft.kind !== "structure") throw invalid(item.place, `\`${item.path}\` is not a structure`)
        found.set(item.path, { draft, place: item.place })
      } else if (item.kind !== "value") {
        this.#types.declare(item, scope)
      }
    }
    return found
  }

  #packetHeader(block: Block): void {
    const header = this.#structures(block).get("packet.header")
    if (header === undefined) return
    const { draft, place } = header
    if (draft.clocks.size > 0) throw invalid(place, "an integer of the packet header is mapped to a clock")
    const withRoles = Roles.assign(draft, "packet-header", (name) => this.#implicitClock(name, place), place)
    this.#declarations.packetHeader(Roles.withMagic(withRoles, place))
  }

  #implicitClock(name: string, place: Placed): ClockClass {
    const [clock = theClock, second] = this.#trace.clocks.values()
    if (second !== undefined) throw invalid(place, `\`${name}\` is mapped to none of several clocks`)
    return clock
  }

  #hasStreamId(): boolean {
    return this.#trace.packetHeader?.members.some(({ name }) => name === "stream_id") === true
  }

  #stream(block: Block): void {
    const { place } = block
    const attributes = attributesOf(block)
    const written = attributes.unsigned("id")
    if (written !== undefined && !this.#hasStreamId()) {
      throw invalid(place, "a stream's `id` needs `stream_id` in the packet header")
    }
    if (written === undefined && this.#trace.dataStreams.size > 0)
      throw invalid(place, "one of several streams has no `id`")
    const structures = this.#structures(block)
    const withRoles = (path: string, scope: "packet-context" | "event-record-header") => {
      const found = structures.get(path)
      if (found === undefined) return undefined
      return Roles.assign(found.draft, scope, (name) => this.#implicitClock(name, found.place), found.place)
    }
    const packetContext = withRoles("packet.context", "packet-context")
    const eventHeader = withRoles("event.header", "event-record-header")
    const commonContext = structures.get("event.context")?.draft
    const clocks = new Set([packetContext, eventHeader, commonContext].flatMap((draft) => [...(draft?.clocks ?? [])]))
    const [clock, second] = clocks
    if (second !== undefined) throw invalid(place, "a stream's integers are mapped to several clocks")
    const id = written ?? 0n
    this.#declarations.dataStream({ id, clock, packetContext, eventHeader, commonContext, ...noNames }, place)
  }

  /** A second event class needs an id in the event header, wherever in it. */
  #checkId({ eventHeader, events }: GrowingDataStream, place: Placed): void {
    if (events.size !== 1 || (eventHeader !== undefined && Roles.hasEventId(eventHeader))) return
    throw invalid(place, "a second event, but no `id` in the event header")
  }

  #streamOf(written: bigint | undefined, place: Placed): GrowingDataStream {
    const { dataStreams } = this.#trace
    const [only, second] = dataStreams.values()
    if (written === undefined && second !== undefined)
      throw invalid(place, "`stream_id` is missing: there are several streams")
    const stream = written === undefined ? only : dataStreams.get(written)
    if (stream !== undefined) return stream
    if (written !== undefined) throw invalid(place, `no stream ${written} is declared`)
    const none = { packetContext: undefined, eventHeader: undefined, commonContext: undefined }
    return this.#declarations.dataStream({ id: 0n, clock: undefined, ...none, ...noNames }, place)
  }

  #plainEvent({ event, place: token }: Plain): void {
    const { emfUri, id, logLevel, name, streamId, written } = event
    // The class keeps its place: not the token, which has the text of the whole block.
    const { column, line, order } = token
    const place = { line, column, order, text: "event" }
    const fields = this.#plainFields.get(event.fields)
    if (fields === undefined) return
    const { members } = fields
    fields.isPlain ??= this.#types.isPlain(members)
    if (!fields.isPlain) {
      const tokens = lex(written, { ...place, plain: undefined })
      for (const block of new Parser(tokens).metadata()) if (isEvent(block)) this.#event(block)
      return
    }
    const payload = () => {
      fields.payload ??= this.#types.plain(members, place)
      return fields.payload
    }
    const facts = { id, ...noNames, name, logLevel, emfUri }
    const stream = this.#streamOf(streamId, place)
    this.#checkId(stream, place)
    this.#declarations.plainEvent(facts, payload, stream, place)
  }

  #event(block: Block): void {
    const { place } = block
    const attributes = attributesOf(block)
    const name = attributes.word("name")
    if (name === undefined) throw invalid(place, "an event without `name`")
    const stream = this.#streamOf(attributes.unsigned("stream_id"), place)
    const id = attributes.unsigned("id")
    if (id === undefined && stream.events.size > 0) throw invalid(place, "one of several events has no `id`")
    const logLevel = attributes.unsigned("loglevel")
    const emfUri = attributes.word("model.emf.uri")
    const facts = { id: id ?? 0n, ...noNames, name, logLevel, emfUri }
    const structures = this.#structures(block)
    const specificContext = structures.get("context")?.draft
    const payload = structures.get("fields")?.draft
    for (const clock of [...(specificContext?.clocks ?? []), ...(payload?.clocks ?? [])]) {
      stream.clock ??= clock
      if (stream.clock !== clock) throw invalid(place, "a stream's integers are mapped to several clocks")
    }
    this.#checkId(stream, place)
    this.#declarations.event({ ...facts, specificContext, payload }, stream, place)
  }
}
