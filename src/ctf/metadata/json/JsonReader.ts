/** Reads the fragments of CTF 2 (§5.1 of the decoder's specification), one after the other, into a trace's classes. */
import type { Scope } from "../../model/FieldClass.ts"
import type { ClockOrigin, TraceClass } from "../../model/TraceClass.ts"
import { Declarations, emptyTrace, type Names, normalised, uuidText } from "../Classes.ts"
import type { StructureDraft } from "../Draft.ts"
import { advanced, type Start } from "../Lines.ts"
import { MetadataRefused, syntax } from "../MetadataRefused.ts"
import { FieldClasses } from "./FieldClasses.ts"
import * as Json from "./Json.ts"
import { int64Min, Node, type Properties, shown, uint64Max } from "./Node.ts"
import * as Roles from "./Roles.ts"

const logLevels = [
  "emergency",
  "alert",
  "critical",
  "error",
  "warning",
  "notice",
  "info",
  "debug:system",
  "debug:program",
  "debug:process",
  "debug:module",
  "debug:unit",
  "debug:function",
  "debug:line",
  "debug"
]

const namesOf = (properties: Properties): Names => ({
  namespace: properties.name("namespace"),
  name: properties.name("name"),
  uid: properties.name("uid")
})

const naming = ["type", "namespace", "name", "uid"]

/** What a tracer says about an event beyond CTF, in attributes of babeltrace2 or, if it has none, of LTTng. */
const tracerAttribute = (properties: Properties, name: string): string | undefined => {
  const attributes = new Map(properties.get("attributes")?.entries())
  for (const namespace of ["babeltrace.org,2020", "lttng.org,2009"]) {
    const found = attributes.get(namespace)?.value
    const value = found instanceof Map ? found.get(name) : undefined
    if (typeof value === "string") return shown(value)
  }
  return undefined
}

/** The text of one fragment, without its separator, and where it stands in the metadata. */
interface Fragment {
  readonly text: string
  readonly start: Start
}

const parse = ({ start, text }: Fragment, fragment: number): Json.Json => {
  try {
    return Json.parse(text)
  } catch (cause) {
    if (!(cause instanceof Json.JsonInvalid)) throw cause
    throw syntax({ fragment, pointer: "", ...advanced(start, text.slice(0, cause.at)) }, cause.message)
  }
}

export class JsonReader {
  readonly #trace = emptyTrace("2")
  readonly #declarations = new Declarations(this.#trace)
  readonly #fieldClasses = new FieldClasses()
  /** Fragments with aliases: what is wrong with one may show only in a later fragment that uses it. */
  readonly #aliases = new Map<number, Fragment>()
  #fragmentCount = 0
  #hasTraceClass = false

  /** Undefined while there is no data stream class. */
  get traceClass(): TraceClass | undefined {
    return this.#trace.dataStreams.size > 0 ? this.#trace : undefined
  }

  read(fragment: Fragment): void {
    const index = this.#fragmentCount
    try {
      this.#read(fragment, index)
    } catch (cause) {
      if (!(cause instanceof MetadataRefused) || !("fragment" in cause.place)) throw cause
      const { place } = cause
      const told = place.fragment === index ? fragment : this.#aliases.get(place.fragment)
      if (told === undefined || place.line !== undefined) throw cause
      const { line, column } = advanced(told.start, told.text.slice(0, Json.locate(told.text, place.pointer)))
      throw new MetadataRefused(cause.kind, { ...place, line, column }, cause.reason)
    }
  }

  #read(written: Fragment, fragment: number): void {
    const node = new Node(parse(written, fragment), fragment)
    const type = new Map(node.entries()).get("type")
    if (type === undefined) throw node.wrong("`type` is missing")
    const isPreamble = type.value === "preamble"
    if (isPreamble !== (fragment === 0))
      throw type.wrong(isPreamble ? "a second preamble" : "expected the preamble first")
    this.#fragmentCount++
    switch (type.string()) {
      case "preamble":
        this.#preamble(node)
        break
      case "field-class-alias": {
        const properties = node.object("type", "name", "field-class")
        this.#aliases.set(fragment, written)
        this.#fieldClasses.alias(properties.need("name"), properties.need("field-class"))
        break
      }
      case "trace-class":
        this.#traceClass(node)
        break
      case "clock-class":
        this.#clock(node)
        break
      case "data-stream-class":
        this.#dataStream(node)
        break
      case "event-record-class":
        this.#event(node)
        break
      default:
        throw type.wrong(`no fragment type \`${type.string()}\``)
    }
  }

  #preamble(node: Node): void {
    const properties = node.object("type", "version", "uuid")
    properties.need("version").among([2])
    const uuid = properties.get("uuid")
    if (uuid === undefined) return
    const bytes = uuid.array().map((byte) => Number(byte.integer(0n, 255n)))
    if (bytes.length !== 16) throw uuid.wrong("expected 16 integers")
    this.#trace.uuid = Uint8Array.from(bytes)
    this.#trace.uid = uuidText(bytes)
  }

  #traceClass(node: Node): void {
    const properties = node.object(...naming, "environment", "packet-header-field-class")
    if (this.#hasTraceClass) throw node.wrong("a second trace class")
    if (this.#trace.dataStreams.size > 0) throw node.wrong("a trace class after a data stream class")
    this.#hasTraceClass = true
    const { namespace, name, uid } = namesOf(properties)
    this.#trace.namespace = namespace
    this.#trace.name = name
    this.#trace.uid = uid ?? this.#trace.uid
    for (const [key, value] of properties.get("environment")?.entries() ?? []) {
      this.#trace.environment.set(
        shown(key),
        typeof value.value === "string" ? shown(value.value) : value.integer(int64Min, uint64Max)
      )
    }
    const header = this.#structure(properties, "packet-header-field-class", "packet-header", false)
    if (header !== undefined) this.#declarations.packetHeader(header)
  }

  #structure(properties: Properties, name: string, scope: Scope, hasClock: boolean): StructureDraft | undefined {
    const node = properties.get(name)
    if (node === undefined) return undefined
    const draft = this.#fieldClasses.structure(node)
    Roles.check(draft, scope, { hasClock, hasUuid: this.#trace.uuid !== undefined }, node.place)
    return draft
  }

  #clock(node: Node): void {
    const properties = node.object(
      ...naming,
      ..."id frequency origin offset-from-origin precision accuracy description".split(" ")
    )
    const id = properties.need("id").string()
    if (this.#trace.clocks.has(id)) throw node.wrong(`the clock class \`${id}\` is declared twice`)
    const frequency = properties.need("frequency").integer(1n, uint64Max)
    const offset = properties.get("offset-from-origin")?.object("seconds", "cycles")
    const clock = {
      id,
      ...namesOf(properties),
      description: properties.string("description"),
      frequency,
      offsetSeconds: offset?.get("seconds")?.integer(int64Min, 2n ** 63n - 1n) ?? 0n,
      offsetCycles: offset?.get("cycles")?.integer(0n, frequency - 1n) ?? 0n,
      precision: properties.get("precision")?.unsigned(),
      accuracy: properties.get("accuracy")?.unsigned(),
      origin: this.#origin(properties.get("origin"))
    }
    this.#trace.clocks.set(id, normalised(clock))
  }

  #origin(node: Node | undefined): "unix-epoch" | ClockOrigin | undefined {
    if (node === undefined) return undefined
    if (typeof node.value === "string") return node.oneOf(["unix-epoch"] as const)
    const properties = node.object("namespace", "name", "uid")
    return {
      namespace: properties.string("namespace"),
      name: properties.need("name").string(),
      uid: properties.need("uid").string()
    }
  }

  #dataStream(node: Node): void {
    const [packetContext, eventHeader, commonContext] = [
      "packet-context-field-class",
      "event-record-header-field-class",
      "event-record-common-context-field-class"
    ]
    const properties = node.object(
      ...naming,
      "id",
      "default-clock-class-id",
      "packet-context-field-class",
      "event-record-header-field-class",
      "event-record-common-context-field-class"
    )
    const clockId = properties.get("default-clock-class-id")
    const clock = clockId === undefined ? undefined : this.#trace.clocks.get(clockId.string())
    if (clockId !== undefined && clock === undefined) throw clockId.wrong("no such clock class is declared before")
    const hasClock = clock !== undefined
    this.#declarations.dataStream(
      {
        id: properties.get("id")?.unsigned() ?? 0n,
        ...namesOf(properties),
        clock,
        packetContext: this.#structure(properties, packetContext ?? "", "packet-context", hasClock),
        eventHeader: this.#structure(properties, eventHeader ?? "", "event-record-header", hasClock),
        commonContext: this.#structure(properties, commonContext ?? "", "event-record-common-context", hasClock)
      },
      node.place
    )
  }

  #event(node: Node): void {
    const properties = node.object(
      ...naming,
      "id",
      "data-stream-class-id",
      "specific-context-field-class",
      "payload-field-class"
    )
    const streamId = properties.get("data-stream-class-id")?.unsigned() ?? 0n
    const stream = this.#trace.dataStreams.get(streamId)
    if (stream === undefined) throw node.wrong(`no data stream class ${streamId} is declared before`)
    const level = logLevels.indexOf(tracerAttribute(properties, "log-level") ?? "")
    this.#declarations.event(
      {
        id: properties.get("id")?.unsigned() ?? 0n,
        ...namesOf(properties),
        logLevel: level === -1 ? undefined : BigInt(level),
        emfUri: tracerAttribute(properties, "emf-uri"),
        specificContext: this.#structure(
          properties,
          "specific-context-field-class",
          "event-record-specific-context",
          false
        ),
        payload: this.#structure(properties, "payload-field-class", "event-record-payload", false)
      },
      stream,
      node.place
    )
  }
}
