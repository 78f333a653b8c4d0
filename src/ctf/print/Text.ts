/** Event records as lines, byte for byte those of babeltrace2's `sink.text.pretty` (§11). */
import { harmless } from "../../errors/Harmless.ts"
import { difference, type Time } from "../decode/Clock.ts"
import { goOn, type Int, joined, readAgain } from "../decode/Cursor.ts"
import type { DataStream } from "../decode/DataStream.ts"
import type { EventPlan, StreamPlan } from "../decode/Plan.ts"
import { root } from "../decode/Slots.ts"
import { isHidden } from "../decode/Values.ts"
import type { Scope, Structure } from "../model/FieldClass.ts"
import type { TraceClass } from "../model/TraceClass.ts"
import { Assembly, type Values } from "./Assembly.ts"
import { Bytes } from "./Bytes.ts"
import { type Colors, none, terminal } from "./Colors.ts"
import { harmlessly, quoting } from "./Escapes.ts"
import * as Fields from "./Fields.ts"
import { logLevelName } from "./LogLevel.ts"
import type { PacketText } from "./PacketText.ts"
import * as Piece from "./Piece.ts"
import * as Program from "./Program.ts"
import type { Quoting } from "./Quoting.ts"
import * as TextFields from "./TextFields.ts"
import { TextTime, type TimeStyle, writeDelta } from "./TextTime.ts"

/** Names that can be written: of scopes, of what is before the fields, of contexts' fields, of payloads' fields. */
export type NameKind = "scope" | "header" | "context" | "payload"
/** What is written before the fields of an event, as babeltrace2 has it. */
export type HeaderField =
  | "trace"
  | "trace:hostname"
  | "trace:domain"
  | "trace:procname"
  | "trace:vpid"
  | "loglevel"
  | "emf"
  | "callsite"

/** How events are written: the options of babeltrace2. */
export interface TextOptions extends TimeStyle {
  /** Times are raw values of the clock, in cycles. */
  readonly isCycles: boolean
  /** The time since the event before is written, too. */
  readonly hasDelta: boolean
  readonly names: ReadonlySet<NameKind>
  readonly fields: ReadonlySet<HeaderField>
  readonly isColored: boolean
  /** For a terminal: control characters, which in names and beyond ASCII babeltrace2 keeps, are escaped. */
  readonly isTerminal: boolean
}

/** babeltrace2's own defaults. */
export const defaults: TextOptions = {
  isSeconds: false,
  hasDate: false,
  isGmt: false,
  isCycles: false,
  hasDelta: true,
  names: new Set(["payload", "context"]),
  fields: new Set(["trace:hostname", "trace:procname", "trace:vpid"]),
  isColored: false,
  isTerminal: false
}

/** The fields of one scope. */
interface Group {
  readonly prefix: Piece.Piece
  readonly write: Fields.Write
}

/** How the events of one class are written, compiled once: what is the same on every line is bytes already. */
interface Line {
  /** What is between the times and the packet's context. */
  readonly before: Piece.Piece
  /** What follows the packet's context, to the end of the line. */
  readonly program: Program.Program
}

const int: Values["int"] = (out, value) => out.int(value)

const separator = ", "
const nothing = Piece.of("")
const unknownTime = Piece.of("??:??:??.?????????")
const unknownCycles = Piece.of("????????????????????")

/** A vpid that does not fit a signed 64-bit number wraps in CTF 1.8, and is not shown in CTF 2. */
const vpidText = (vpid: bigint, { format }: TraceClass): string | undefined => {
  const signed = BigInt.asIntN(64, vpid)
  return signed === vpid || format === "1.8" ? `(${signed})` : undefined
}

/** The difference in ns that babeltrace2 takes for an unknown one. */
const noDelta = -1
const billion = 1_000_000_000

/** The packet's context is left out if all its members have roles; other scopes are written with empty braces then. */
const isShown = (structure: Structure | undefined): boolean =>
  structure?.members.some(({ fieldClass }) => !isHidden(fieldClass)) === true

/** Events as lines of text, those of babeltrace2. */
export class Text {
  readonly #options: TextOptions
  readonly #colors: Colors
  readonly #shown: (text: string) => string
  readonly #quoting: Quoting
  readonly #time: TextTime
  /** What is written before the time; between time and difference. */
  readonly #before: Piece.Piece
  readonly #between: Piece.Piece
  /** `#between`, and what comes before the nine digits of a difference of less than a second. */
  readonly #betweenShort: Piece.Piece
  /** What is written after the difference. */
  readonly #after: string
  /** Time of the last event that was printed, if `#hasLast`. */
  readonly #last: Time = { high: 0, low: 0 }
  #hasLast = false
  #lastCycles: bigint | undefined = undefined
  readonly #contexts = new WeakMap<StreamPlan, Group>()

  constructor(options: TextOptions = defaults) {
    this.#options = options
    this.#colors = options.isColored ? terminal : none
    this.#shown = options.isTerminal ? harmless : (text) => text
    this.#quoting = options.isTerminal ? harmlessly : quoting
    const hasNames = options.names.has("header")
    const { reset, time } = this.#colors
    const open = hasNames ? this.#name("timestamp") : "["
    const before = open + time
    this.#before = Piece.of(before)
    this.#time = new TextTime(options, before)
    const close = reset + (hasNames ? "" : "] ")
    const delta = hasNames ? `, ${this.#name("delta")}+` : "(+"
    this.#between = Piece.of(options.hasDelta ? close + delta : close)
    this.#betweenShort = Piece.of(`${close}${delta}0.`)
    this.#after = options.hasDelta && !hasNames ? ") " : ""
  }

  #name(text: string): string {
    return TextFields.name(text, {
      hasNames: true,
      shown: this.#shown,
      colors: { ...this.#colors, name: this.#colors.label }
    })
  }

  /** Appends what follows the last event: it resets the colours of a terminal. */
  end(out: Bytes): void {
    out.ascii(this.#colors.reset)
  }

  /** Appends the line of the current event, with its end. */
  event(stream: DataStream, out: Bytes): void {
    const plan = stream.current as EventPlan
    const line = (plan.compiled.get(this) as Line | undefined) ?? this.#compile(plan)
    if (plan.stream.clock !== undefined) this.#times(stream, out)
    out.write(line.before)
    out.write(this.#packet(stream, plan.stream))
    const { cursor } = stream
    readAgain(cursor, cursor.commonAt)
    Program.run(line.program, cursor, cursor.commonAt, out)
    goOn(cursor)
  }

  #times(stream: DataStream, out: Bytes): void {
    if (this.#options.isCycles) {
      out.write(this.#before)
      this.#cycles(stream, out)
      return
    }
    const { hasTime, time } = stream
    if (hasTime) {
      this.#time.write(time, out)
    } else {
      out.write(this.#before)
      out.write(unknownTime)
    }
    if (this.#options.hasDelta) this.#delta(stream, out)
    else out.write(this.#between)
    this.#last.high = time.high
    this.#last.low = time.low
    this.#hasLast = hasTime
  }

  #delta({ hasTime, time }: DataStream, out: Bytes): void {
    const delta = this.#hasLast && hasTime ? difference(this.#last, time) : noDelta
    if (delta >= 0 && delta < billion) {
      out.stamp(this.#betweenShort, delta)
      return
    }
    out.write(this.#between)
    if (delta === noDelta) out.ascii("?.?????????")
    else writeDelta(this.#last, time, out)
  }

  #cycles(stream: DataStream, out: Bytes): void {
    const { clockHigh, clockLow } = stream.eventClock
    const value: Int = joined(clockHigh, clockLow)
    if (stream.hasTime) out.ascii(value.toString().padStart(20, "0"))
    else out.write(unknownCycles)
    out.write(this.#between)
    if (this.#options.hasDelta) {
      const isKnown = this.#lastCycles !== undefined && stream.hasTime
      const delta = isKnown ? BigInt(value) - (this.#lastCycles ?? 0n) : -1n
      out.ascii(delta === -1n ? "????????????" : BigInt.asUintN(64, delta).toString().padStart(12, "0"))
    }
    this.#lastCycles = stream.hasTime ? BigInt(value) : undefined
  }

  #packet(stream: DataStream, plan: StreamPlan): Piece.Piece {
    const known = stream.headText as PacketText | undefined
    if (known?.by === this) return known.piece
    const piece = isShown(plan.streamClass.packetContext) ? this.#context(stream, plan) : nothing
    stream.headText = { by: this, piece } satisfies PacketText
    return piece
  }

  #context({ contextAt, head }: DataStream, plan: StreamPlan): Piece.Piece {
    const { prefix, write } = this.#contexts.get(plan) ?? this.#compileContext(plan)
    const own = new Bytes(256)
    own.write(prefix)
    readAgain(head, contextAt)
    write(head, own)
    return own.piece()
  }

  #compileContext(plan: StreamPlan): Group {
    const { packetContext } = plan.streamClass
    const group: Group = {
      prefix: Piece.of(this.#prefix("stream.packet.context")),
      write: Fields.field(packetContext as Structure, root("packet-context"), plan.slots, this.#look("context"))
    }
    this.#contexts.set(plan, group)
    return group
  }

  #look(kind: NameKind): Fields.Look {
    const hasNames = this.#options.names.has(kind)
    return TextFields.look({ hasNames, shown: this.#shown, quoting: this.#quoting, colors: this.#colors })
  }

  #prefix(name: string): string {
    return this.#options.names.has("scope") ? this.#name(name) : ""
  }

  #compile(plan: EventPlan): Line {
    const { eventClass, stream } = plan
    const { commonContext, packetContext } = stream.streamClass
    const group = (name: string, structure: Structure | undefined, scope: Scope, kind: NameKind) =>
      structure && { prefix: this.#prefix(name), structure, place: root(scope), look: this.#look(kind) }
    const groups = [
      group("stream.event.context", commonContext, "event-record-common-context", "context"),
      group("event.context", eventClass.specificContext, "event-record-specific-context", "context"),
      group("event.fields", eventClass.payload, "event-record-payload", "payload")
    ].filter((one) => one !== undefined)
    const [first] = groups
    const before = (stream.clock === undefined ? "" : this.#after) + this.#head(plan)
    const after = first === undefined ? "" : (isShown(packetContext) ? separator : "") + first.prefix
    const assembly = new Assembly({ int, quoting: this.#quoting })
    assembly.text(after)
    groups.forEach(({ look, place, prefix, structure }, index) => {
      if (index > 0) assembly.text(separator + prefix)
      assembly.field(structure, place, stream.slots, look)
    })
    assembly.text("\n")
    const line: Line = { before: Piece.of(before), program: assembly.done() }
    plan.compiled.set(this, line)
    return line
  }

  #head({ eventClass, stream }: EventPlan): string {
    const { fields, names } = this.#options
    const hasNames = names.has("header")
    const { environment } = stream.trace.traceClass
    const texts: Array<string> = []
    let trace = ""
    const add = (field: HeaderField, name: string, value: string | undefined) => {
      if (value !== undefined && fields.has(field)) texts.push((hasNames ? this.#name(name) : "") + this.#shown(value))
    }
    const text = (name: string): string | undefined => {
      const value = environment.get(name)
      return typeof value === "string" ? value : undefined
    }
    if (fields.has("trace")) {
      const name = this.#shown(stream.trace.name ?? "")
      trace = hasNames ? `${this.#name("trace")}${name}, ` : name
    }
    const vpid = environment.get("vpid")
    add("trace:hostname", "trace:hostname", text("hostname"))
    add("trace:domain", "trace:domain", text("domain"))
    add("trace:procname", "trace:procname", text("procname"))
    add("trace:vpid", "trace:vpid", typeof vpid === "bigint" ? vpidText(vpid, stream.trace.traceClass) : undefined)
    add("loglevel", "loglevel", logLevelName(eventClass.logLevel))
    add("emf", "model.emf.uri", eventClass.emfUri)
    const { event, reset } = this.#colors
    const name = `${event}${this.#shown(eventClass.name ?? "<unknown>")}${reset}`
    if (!hasNames) return `${trace}${texts.join(":")}${texts.length > 0 ? " " : ""}${name}: `
    // Without a clock, and so without a time, babeltrace2 writes no commas.
    const comma = stream.clock === undefined ? "" : ", "
    const all = [...texts, this.#name("name") + name]
    return `${comma}${trace}${trace === "" ? "" : comma}${all.join(comma)}, `
  }
}
