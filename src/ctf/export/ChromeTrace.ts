/**
 * Event records as a trace of Chrome's JSON format, which the Perfetto UI and `chrome://tracing` open: a process and a
 * thread for each vpid and vtid, slices for what begins and ends there, instants for the rest.
 *
 * Times are microseconds from the first event record, nanoseconds in their fraction: doubles cannot hold those since
 * the epoch. `otherData.begin` says where they count from; what has no time, or one before, is there. The end of a
 * slice closes those that were left open in it; an end without a begin is an instant, and what did not end ends,
 * `unfinished`, with the trace.
 */

import { nanos } from "../decode/Clock.ts"
import { goOn, readAgain } from "../decode/Cursor.ts"
import type { DataStream } from "../decode/DataStream.ts"
import { type Field, field } from "../decode/Fields.ts"
import type { EventPlan } from "../decode/Plan.ts"
import { root } from "../decode/Slots.ts"
import type { Scope, Structure } from "../model/FieldClass.ts"
import type { Bytes } from "../print/Bytes.ts"
import * as Fields from "../print/Fields.ts"
import * as JsonFields from "../print/JsonFields.ts"
import * as JsonStrings from "../print/JsonStrings.ts"
import * as Piece from "../print/Piece.ts"
import * as SliceRules from "./SliceRules.ts"
import { id, switchName, type Thread, Threads, tellingFields } from "./Threads.ts"

interface Part {
  readonly scope: Scope
  readonly prefix: Piece.Piece
  readonly write: Fields.Write
}

/** The fields in which an event record of the kernel says what `News` has. */
interface NewsFields {
  readonly isSwitch: boolean
  readonly tid: Field | undefined
  readonly pid: Field | undefined
  readonly name: Field | undefined
}

const newsOf = (plan: EventPlan): NewsFields | undefined => {
  const { name = "" } = plan.eventClass
  const names = tellingFields(name)
  if (names === undefined) return undefined
  const [tid, pid, comm] = names.map((one) => field(plan, "event-record-payload", [one]))
  return { isSwitch: name === switchName, tid, pid, name: comm }
}

/** What is decided once per event record class. */
interface Shape {
  /** The quoted name; of a slice the one that both ends have. */
  readonly label: Piece.Piece
  readonly slice: SliceRules.SliceEnd | undefined
  readonly pid: Field | undefined
  readonly tid: Field | undefined
  readonly procname: Field | undefined
  readonly cpu: Field | undefined
  readonly news: NewsFields | undefined
  readonly parts: ReadonlyArray<Part>
}

const contexts: ReadonlyArray<Scope> = ["event-record-specific-context", "event-record-common-context"]

const first = (plan: EventPlan, scopes: ReadonlyArray<Scope>, names: ReadonlyArray<string>): Field | undefined => {
  for (const name of names) {
    for (const scope of scopes) {
      const found = field(plan, scope, [name])
      if (found !== undefined) return found
    }
  }
  return undefined
}

const begin = Piece.of('{"ph":"B","name":')
const end = Piece.of('{"ph":"E","name":')
const instant = Piece.of('{"ph":"i","s":"t","name":')

const phases = { begin, end, instant }
const opening = '{"traceEvents":['
/** Arguments of the end of a slice that only the end of the trace has ended. */
const unfinished = ',"args":{"unfinished":true}}'

export class ChromeTrace {
  readonly #threads = new Threads<Piece.Piece>()
  readonly #session: string
  #start: bigint | undefined
  #last = 0n
  #hasEvent = false

  /** `session`: the name of the trace. */
  constructor(session: string) {
    this.#session = session
  }

  /** Appends an event record; they must come in the order of time. */
  event(stream: DataStream, out: Bytes): void {
    const plan = stream.current as EventPlan
    const shape = (plan.compiled.get(this) as Shape | undefined) ?? this.#compile(plan)
    if (!this.#hasEvent) out.ascii(opening)
    const since = this.#since(stream)
    const { environment } = plan.stream.trace.traceClass
    const cpu = id(shape.cpu?.read(stream))
    const thread = this.#threads.of({
      cpu,
      pid: id(shape.pid?.read(stream)),
      tid: id(shape.tid?.read(stream)),
      procname: shape.procname?.read(stream),
      environment
    })
    const { news } = shape
    if (news !== undefined) {
      const [newTid, newPid, name] = [news.tid, news.pid, news.name].map((each) => each?.read(stream))
      this.#threads.note({ isSwitch: news.isSwitch, tid: newTid, pid: newPid, name }, cpu, environment)
    }
    this.#phase(shape, thread, since, out)
    this.#arguments(shape, stream, out)
  }

  /** The time of the current event record, from that of the first one that has a time. */
  #since(stream: DataStream): bigint {
    if (!stream.hasTime) return this.#last
    const time = nanos(stream.time)
    this.#start ??= time
    const since = time - this.#start
    if (since > this.#last) this.#last = since
    return since < 0n ? 0n : since
  }

  /** Appends the ends of slices left open, and an item up to its arguments. */
  #phase({ label, slice }: Shape, { open, pid, tid }: Thread<Piece.Piece>, since: bigint, out: Bytes): void {
    const outcome = open.next(slice, label)
    const place = `,"pid":${pid},"tid":${tid},"ts":${micros(outcome.phase === "instant" ? since : open.at(since))}`
    for (const left of outcome.left) {
      this.#item(end, left, place, out)
      out.byte(0x7d)
    }
    this.#item(phases[outcome.phase], outcome.label, place, out)
  }

  /** Appends what follows the last event record, or the last one before it was interrupted. */
  end(out: Bytes, isInterrupted = false): void {
    if (!this.#hasEvent) out.ascii(opening)
    for (const { open, pid, tid } of this.#threads.all) {
      for (const left of open.close()) {
        this.#item(end, left, `,"pid":${pid},"tid":${tid},"ts":${micros(open.at(this.#last))}`, out)
        out.ascii(unfinished)
      }
    }
    for (const { kind, name, pid, tid } of this.#threads.named()) {
      this.#separate(out)
      out.ascii(`{"ph":"M","name":"${kind}_name","pid":${pid},"tid":${tid},"args":{"name":`)
      JsonStrings.text(out, name)
      out.ascii("}}")
    }
    const begin = this.#start === undefined ? "" : `"begin":"${this.#start}",`
    const interrupted = isInterrupted ? '"interrupted":"true",' : ""
    out.ascii(`\n],"displayTimeUnit":"ns","otherData":{${begin}${interrupted}"session":`)
    JsonStrings.text(out, this.#session)
    out.ascii("}}\n")
  }

  #separate(out: Bytes): void {
    out.ascii(this.#hasEvent ? ",\n" : "\n")
    this.#hasEvent = true
  }

  #item(phase: Piece.Piece, label: Piece.Piece, place: string, out: Bytes): void {
    this.#separate(out)
    out.write(phase)
    out.write(label)
    out.ascii(place)
  }

  #arguments({ parts }: Shape, stream: DataStream, out: Bytes): void {
    out.ascii(',"args":{')
    const { contextAt, cursor, head } = stream
    readAgain(cursor, cursor.commonAt)
    readAgain(head, contextAt)
    for (const { prefix, scope, write } of parts) {
      out.write(prefix)
      write(scope === "packet-context" ? head : cursor, out)
    }
    goOn(cursor)
    out.ascii("}}")
  }

  #compile(plan: EventPlan): Shape {
    const { eventClass, stream } = plan
    const name = eventClass.name ?? "<unknown>"
    const parts: Array<Part> = []
    const add = (key: string, structure: Structure | undefined, scope: Scope) => {
      if (structure === undefined) return
      const prefix = Piece.of(`${parts.length === 0 ? "" : ","}"${key}":`)
      parts.push({ scope, prefix, write: Fields.structure(structure, root(scope), stream.slots, JsonFields.look) })
    }
    add("packet", stream.streamClass.packetContext, "packet-context")
    add("ctx", stream.streamClass.commonContext, "event-record-common-context")
    add("ectx", eventClass.specificContext, "event-record-specific-context")
    add("fields", eventClass.payload, "event-record-payload")
    const slice = SliceRules.of(name)
    const shape: Shape = {
      label: Piece.of(JsonStrings.quoted(SliceRules.labelOf(name, slice))),
      slice,
      pid: first(plan, contexts, ["vpid", "pid"]),
      tid: first(plan, contexts, ["vtid", "tid"]),
      procname: first(plan, contexts, ["procname"]),
      cpu: first(plan, ["packet-context"], ["cpu_id"]),
      news: newsOf(plan),
      parts
    }
    plan.compiled.set(this, shape)
    return shape
  }
}

/** Microseconds with three decimals, exact. */
const micros = (time: bigint): string => `${time / 1000n}.${String(time % 1000n).padStart(3, "0")}`
