/**
 * Event records, losses and failures as objects, one a line (§12; `docs/ndjson.schema.json`). Written as bytes, never
 * built as objects: names like `__proto__` are names like others, and 64-bit numbers stay whole.
 */
import { goOn, narrowed, readAgain } from "../decode/Cursor.ts"
import type { DataStream } from "../decode/DataStream.ts"
import type { Failure } from "../decode/Fault.ts"
import type { Loss } from "../decode/Losses.ts"
import type { EventPlan, StreamPlan } from "../decode/Plan.ts"
import { root } from "../decode/Slots.ts"
import { isHidden } from "../decode/Values.ts"
import type { Scope, Structure } from "../model/FieldClass.ts"
import { Assembly, type Values } from "./Assembly.ts"
import { Bytes } from "./Bytes.ts"
import * as Fields from "./Fields.ts"
import * as JsonFields from "./JsonFields.ts"
import { quoted, quoting } from "./JsonStrings.ts"
import * as JsonTime from "./JsonTime.ts"
import { logLevelLabel } from "./LogLevel.ts"
import type { PacketText } from "./PacketText.ts"
import * as Piece from "./Piece.ts"
import * as Program from "./Program.ts"

/** What is known of a stream that its bytes do not say. */
export interface Origin {
  /** Name of the live session; undefined: the one in the metadata is taken. */
  readonly session?: string | undefined
  /** Name of the stream's channel; undefined: unknown. */
  readonly channel?: string | undefined
  readonly streamId: number | bigint
}

interface Line {
  readonly time: JsonTime.JsonTime
  /** After the packet's members: name, id, log level, the fields, and the end of the line. */
  readonly program: Program.Program
}

/** This field of the packet context is by far the most asked for, so it is a member of its own. */
const cpuName = "cpu_id"

const eventStart = '{"type":"event"'
const eventStartBytes = Piece.of(eventStart)
const end = "}\n"
const values: Values = { quoting, int: JsonFields.int }

/** `,"name":value`, or nothing if there is no value. */
const member = (name: string, value: string | number | undefined): string =>
  value === undefined ? "" : `,"${name}":${typeof value === "string" ? quoted(value) : value}`

const exact = (value: number | bigint): string => {
  const out = new Bytes(32)
  JsonFields.int(out, narrowed(BigInt(value)))
  return Buffer.from(out.written).toString()
}

/** Events, losses and failures as lines of JSON; `docs/events.md` has their form, `ndjson.schema.json` its schema. */
export class Json {
  readonly #originOf: (stream: DataStream) => Origin
  /** By stream class, weakly: classes are gone when the applications are that declared them. */
  readonly #times = new WeakMap<StreamPlan, JsonTime.JsonTime>()

  constructor(originOf: (stream: DataStream) => Origin) {
    this.#originOf = originOf
  }

  /** Appends the line of the current event, with its end. */
  event(stream: DataStream, out: Bytes): void {
    const plan = stream.current as EventPlan
    const line = (plan.compiled.get(this) as Line | undefined) ?? this.#compile(plan)
    if (stream.hasTime) line.time.write(stream.time, out)
    else out.write(eventStartBytes)
    out.write(this.#packet(stream, plan.stream))
    const { cursor } = stream
    readAgain(cursor, cursor.commonAt)
    Program.run(line.program, cursor, cursor.commonAt, out)
    goOn(cursor)
  }

  /** Appends the line of a loss. */
  loss(stream: DataStream, { count, from, to, what }: Loss, out: Bytes): void {
    const { plan } = stream
    const times = from === undefined || to === undefined ? "" : `,"from":"${from}","to":"${to}"`
    out.text(`{"type":"discarded-${what}","count":${exact(count)}${times}`)
    if (plan !== undefined) out.text(this.#identity(stream, plan))
    out.text(end)
  }

  /** Appends the line of a packet that cannot be decoded further. */
  failure(stream: DataStream, failure: Failure, out: Bytes): void {
    const { bit, event, kind, message, packet } = failure
    const uid = stream.trace.traceClass.uid
    const identity = stream.plan === undefined ? member("trace", uid) : this.#identity(stream, stream.plan)
    const place = `${member("file", failure.stream)}${member("packet", packet)}${member("bit", bit)}`
    out.text(
      `{"type":"error","kind":"${kind}"${member("message", message)}${identity}${place}${member("event", event)}`
    )
    out.text(end)
  }

  /** Appends the line of a trace that cannot be read at all. */
  refusal(message: string, out: Bytes): void {
    out.text(`{"type":"error","kind":"refused"${member("message", message)}${end}`)
  }

  #time(plan: StreamPlan): JsonTime.JsonTime {
    let time = this.#times.get(plan)
    if (time === undefined) {
      time = new JsonTime.JsonTime(plan.clock?.clockClass.origin === "unix-epoch", eventStart)
      this.#times.set(plan, time)
    }
    return time
  }

  /** Who recorded this, and in which stream. */
  #identity(stream: DataStream, plan: StreamPlan): string {
    const { environment, uid } = plan.trace.traceClass
    const { channel, session, streamId } = this.#originOf(stream)
    const text = (name: string) => {
      const value = environment.get(name)
      return typeof value === "string" ? value : undefined
    }
    const vpid = environment.get("vpid")
    return [
      member("host", text("hostname")),
      member("session", session ?? text("trace_name")),
      member("procname", text("procname")),
      typeof vpid === "bigint" ? `,"vpid":${exact(vpid)}` : "",
      member("trace", uid),
      member("channel", channel),
      `,"stream":[${exact(plan.streamClass.id)},${exact(streamId)}]`
    ].join("")
  }

  /** The part of the line that is the same for all events of a packet. */
  #packet(stream: DataStream, plan: StreamPlan): Piece.Piece {
    const known = stream.headText as PacketText | undefined
    if (known?.by === this) return known.piece
    const own = new Bytes(512)
    own.text(this.#identity(stream, plan))
    const { packetContext } = plan.streamClass
    const shown = packetContext?.members.filter(({ fieldClass }) => !isHidden(fieldClass)) ?? []
    if (packetContext !== undefined && shown.length > 0) this.#context(stream, packetContext, plan, own)
    const piece = own.piece()
    stream.headText = { by: this, piece } satisfies PacketText
    return piece
  }

  #context(stream: DataStream, context: Structure, plan: StreamPlan, own: Bytes): void {
    const { contextAt, head } = stream
    // Of several members that are shown by that name only the first is.
    const cpuIndex = context.members.findIndex(({ fieldClass, name }) => name === cpuName && !isHidden(fieldClass))
    const part = (without: (index: number) => boolean): string => {
      const out = new Bytes(256)
      readAgain(head, contextAt)
      Fields.structure(context, root("packet-context"), plan.slots, JsonFields.look, without)(head, out)
      return Buffer.from(out.written).toString()
    }
    const cpu = part((index) => index !== cpuIndex)
    if (cpu !== "{}") own.text(`,"cpu":${cpu.slice(`{"${cpuName}":`.length, -1)}`)
    const others = part((index) => index === cpuIndex)
    if (others !== "{}") own.text(`,"packet":${others}`)
  }

  #compile(plan: EventPlan): Line {
    const { eventClass, stream } = plan
    const part = (name: string, structure: Structure | undefined, scope: Scope) =>
      structure === undefined ? undefined : { prefix: `,"${name}":`, structure, place: root(scope) }
    const parts = [
      part("ctx", stream.streamClass.commonContext, "event-record-common-context"),
      part("ectx", eventClass.specificContext, "event-record-specific-context"),
      part("fields", eventClass.payload, "event-record-payload")
    ].filter((one) => one !== undefined)
    const level = logLevelLabel(eventClass.logLevel)
    const name = eventClass.name === undefined ? "null" : quoted(eventClass.name)
    const assembly = new Assembly(values)
    assembly.text(`,"name":${name},"id":${exact(eventClass.id)}`)
    assembly.text(member("loglevel", level) + member("emf", eventClass.emfUri))
    for (const { place, prefix, structure } of parts) {
      assembly.text(prefix)
      assembly.field(structure, place, stream.slots, JsonFields.look)
    }
    assembly.text(eventClass.payload === undefined ? `,"fields":{}${end}` : end)
    const line: Line = { time: this.#time(stream), program: assembly.done() }
    plan.compiled.set(this, line)
    return line
  }
}
