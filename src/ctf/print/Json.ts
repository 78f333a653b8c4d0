/**
 * Event records, losses and failures as objects, one a line (§12; `docs/ndjson.schema.json`). Written as bytes, never
 * built as objects: names like `__proto__` are names like others, and 64-bit numbers stay whole.
 */
import { goOn, readAgain } from "../decode/Cursor.ts"
import type { DataStream } from "../decode/DataStream.ts"
import type { Failure } from "../decode/Fault.ts"
import type { Loss } from "../decode/Losses.ts"
import type { EventPlan, StreamPlan } from "../decode/Plan.ts"
import { root } from "../decode/Slots.ts"
import { isHidden } from "../decode/Values.ts"
import type { Scope, Structure } from "../model/FieldClass.ts"
import { Bytes, encoded } from "./Bytes.ts"
import * as JsonFields from "./JsonFields.ts"
import { quoted } from "./JsonStrings.ts"
import * as JsonTime from "./JsonTime.ts"
import { logLevelLabel } from "./LogLevel.ts"
import type { Write } from "./Members.ts"
import { type Around, PacketText } from "./PacketText.ts"

/** What is known of a stream from elsewhere than its bytes. */
export interface Origin {
  /** Of a live session; else that of the metadata is taken. */
  readonly session?: string | undefined
  readonly channel?: string | undefined
  readonly streamId: number | bigint
}

interface Part {
  readonly prefix: Uint8Array
  readonly write: Write
}

interface Line {
  readonly time: JsonTime.JsonTime
  /** After the packet's members: name, id, log level, and what stands before the first part. */
  readonly around: Around
  /** The prefix of the first is in `around`. */
  readonly parts: ReadonlyArray<Part>
  readonly end: Uint8Array
}

/** By far the most asked for: a member of its own. */
const cpuName = "cpu_id"

const eventStart = '{"type":"event"'
const eventStartBytes = encoded(eventStart)
const nothing = new Uint8Array(0)
const noFields = encoded(',"fields":{}}\n')
const end = encoded("}\n")

/** `,"name":value`, nothing where there is none. */
const member = (name: string, value: string | number | undefined): string =>
  value === undefined ? "" : `,"${name}":${typeof value === "string" ? quoted(value) : value}`

const exact = (value: number | bigint): string => {
  const out = new Bytes(32)
  JsonFields.int(out, typeof value === "bigint" && value < 2n ** 53n ? Number(value) : value)
  return Buffer.from(out.written).toString()
}

/** Events, losses and failures as lines of JSON; `docs/events.md` has their form, `ndjson.schema.json` its schema. */
export class Json {
  readonly #originOf: (stream: DataStream) => Origin
  readonly #times = new Map<StreamPlan, JsonTime.JsonTime>()
  #lineCount = 0

  constructor(originOf: (stream: DataStream) => Origin) {
    this.#originOf = originOf
  }

  /** One line, with its end. */
  event(stream: DataStream, out: Bytes): void {
    const plan = stream.current as EventPlan
    const line = (plan.compiled.get(this) as Line | undefined) ?? this.#compile(plan)
    if (stream.hasTime) line.time.write(stream.time, out)
    else out.write(eventStartBytes)
    this.#packet(stream, plan.stream).write(line.around, out)
    const { cursor } = stream
    const { parts } = line
    readAgain(cursor, cursor.commonAt)
    for (let i = 0; i < parts.length; i++) {
      const { prefix, write } = parts[i] as Part
      if (i > 0) out.write(prefix)
      write(cursor, out)
    }
    goOn(cursor)
    out.write(line.end)
  }

  /** Appends the line of a loss. */
  loss(stream: DataStream, { count, from, to, what }: Loss, out: Bytes): void {
    const { plan } = stream
    const times = from === undefined || to === undefined ? "" : `,"from":"${from}","to":"${to}"`
    out.text(`{"type":"discarded-${what}","count":${exact(count)}${times}`)
    if (plan !== undefined) out.text(this.#identity(stream, plan))
    out.write(end)
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
    out.write(end)
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

  /** The same for all events of a packet. */
  #packet(stream: DataStream, plan: StreamPlan): PacketText {
    const known = stream.headText as PacketText | undefined
    if (known?.by === this) return known
    const own = new Bytes(512)
    own.text(this.#identity(stream, plan))
    const { packetContext } = plan.streamClass
    const shown = packetContext?.members.filter(({ fieldClass }) => !isHidden(fieldClass)) ?? []
    if (packetContext !== undefined && shown.length > 0) this.#context(stream, packetContext, plan, own)
    const made = new PacketText(this, own.copy())
    stream.headText = made
    return made
  }

  #context(stream: DataStream, context: Structure, plan: StreamPlan, own: Bytes): void {
    const { contextAt, head } = stream
    const part = (without: (name: string) => boolean): string => {
      const out = new Bytes(256)
      readAgain(head, contextAt)
      JsonFields.structure(context, root("packet-context"), plan.slots, without)(head, out)
      return Buffer.from(out.written).toString()
    }
    const cpu = part((name) => name !== cpuName)
    if (cpu !== "{}") own.text(`,"cpu":${cpu.slice(`{"${cpuName}":`.length, -1)}`)
    const others = part((name) => name === cpuName)
    if (others !== "{}") own.text(`,"packet":${others}`)
  }

  #compile(plan: EventPlan): Line {
    const { eventClass, stream } = plan
    const part = (name: string, structure: Structure | undefined, scope: Scope): Part | undefined => {
      if (structure === undefined) return undefined
      const write = JsonFields.structure(structure, root(scope), stream.slots)
      return { prefix: encoded(`,"${name}":`), write }
    }
    const parts = [
      part("ctx", stream.streamClass.commonContext, "event-record-common-context"),
      part("ectx", eventClass.specificContext, "event-record-specific-context"),
      part("fields", eventClass.payload, "event-record-payload")
    ].filter((one) => one !== undefined)
    const level = logLevelLabel(eventClass.logLevel)
    const name = eventClass.name === undefined ? "null" : quoted(eventClass.name)
    const head = `,"name":${name},"id":${exact(eventClass.id)}${member("loglevel", level)}${member("emf", eventClass.emfUri)}`
    const after = Buffer.concat([encoded(head), parts[0]?.prefix ?? nothing])
    const line: Line = {
      time: this.#time(stream),
      around: { index: this.#lineCount++, before: nothing, after },
      parts,
      end: eventClass.payload === undefined ? noFields : end
    }
    plan.compiled.set(this, line)
    return line
  }
}
