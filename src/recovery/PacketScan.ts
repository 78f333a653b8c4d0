/**
 * The packets of one data file by their own heads, from one to the next. Where a head says nothing sensible the index
 * may know where the next packet begins; what lies between is a hole.
 */
import { nanos, type Time } from "../ctf/decode/Clock.ts"
import { Cursor, type Int } from "../ctf/decode/Cursor.ts"
import { DataStream, event, failed } from "../ctf/decode/DataStream.ts"
import type { FaultKind } from "../ctf/decode/Fault.ts"
import type { TracePlan } from "../ctf/decode/Plan.ts"
import { uuidText } from "../ctf/metadata/Classes.ts"
import type { TraceClass } from "../ctf/model/TraceClass.ts"
import * as CtfPacket from "../protocol/CtfPacket.ts"
import type { Range } from "./Finding.ts"
import type { DataSource } from "./Tree.ts"

/** A packet of a data file. Members are undefined where it does not tell. Times are in clock cycles. */
export interface Packet {
  readonly offset: number
  /** UUID of the trace that it says it is of. */
  readonly trace: string | undefined
  /** Byte offset of that UUID in the file, if it is not the trace's and the packet has LTTng's layout. */
  readonly traceAt: number | undefined
  /** Set if its times cannot be, or its events have others. */
  readonly doubt: TimeDoubt | undefined
  readonly byteCount: number
  readonly contentSize: bigint | undefined
  readonly timestampBegin: bigint | undefined
  readonly timestampEnd: bigint | undefined
  readonly eventsDiscarded: bigint | undefined
  readonly streamId: bigint | undefined
  readonly streamInstanceId: bigint | undefined
  readonly packetSeqNum: bigint | undefined
  /** Nanoseconds from the clock's origin. */
  readonly beginNanos: bigint | undefined
  readonly endNanos: bigint | undefined
  /** What is wrong with the first of its events that cannot be read, if they were decoded. */
  readonly fault: EventFault | undefined
}

/** Where in the file a packet of LTTng's layout says when it begins and ends, and the bytes that say other times. */
export interface TimeDoubt {
  readonly at: number
  readonly bytesOf: (begin: bigint, end: bigint) => Uint8Array
}

/** What a packet needs, and its trace's metadata does not declare. */
export interface Undeclared {
  readonly streamClass: bigint
  /** Undefined: the stream class itself. */
  readonly eventClass: bigint | undefined
}

export interface EventFault {
  readonly reason: string
  /** The event's time is outside of its packet's. */
  readonly isOutside: boolean
  readonly undeclared: Undeclared | undefined
  /** No reader can read it; otherwise it may be that only this program cannot. */
  readonly isDamage: boolean
  /** Bits of the packet up to the end of the last event before it; undefined if it is the first. */
  readonly readableBits: number | undefined
  /** What the packet must say of itself to end there; undefined: it cannot be made to. */
  readonly shortened: Shortened | undefined
}

export interface Shortened {
  readonly contentSize: bigint
  /** Byte offset in the file where its head says so, and the bytes that say it. */
  readonly at: number
  readonly bytes: Uint8Array
}

/**
 * Which packets' events are decoded: all; those of a file's last packet, and all if it cannot be read, since what its
 * metadata lacks was declared last; or none.
 */
export type EventReading = "all" | "last" | "none"

export interface Hole extends Range {
  /** The file ends inside of the packet. */
  readonly isTorn: boolean
  /** There may be packets that only this program cannot read: nothing of it is to be thrown away. */
  readonly isForeign: boolean
  /** Nobody can read its packets: the metadata does not declare their stream (any more), or their time cannot be. */
  readonly isUnreadable: boolean
  readonly undeclared: Undeclared | undefined
  readonly reason: string
  /** UUID of the trace that the packet which begins here says it is of. */
  readonly trace: string | undefined
}

export interface PacketScan {
  readonly packets: ReadonlyArray<Packet>
  readonly holes: ReadonlyArray<Hole>
}

/** A packet, or why there is none. */
type Look = (offset: number, readsEvents: boolean) => Packet | Omit<Hole, "from" | "to">

const big = (value: Int | undefined): bigint | undefined => (value === undefined ? undefined : BigInt(value))

/** What a head that was cut short or overwritten looks like. */
const broken: ReadonlySet<FaultKind> = new Set(["bad-magic", "data-short", "packet-size"])

/** What the events of a packet look like that was cut short or overwritten, or that its metadata does not declare. */
const brokenEvents: ReadonlySet<FaultKind> = new Set([
  "unknown-event-class",
  "data-short",
  "variant-no-option",
  "varint-too-long",
  "too-many-elements",
  "bad-text"
])

/** Answers UUIDs as text. The last one is kept, since packets that follow each other are nearly always of one trace. */
const uuidReader = (): ((bytes: Uint8Array | undefined) => string | undefined) => {
  let last = new Uint8Array(0)
  let text: string | undefined
  return (bytes) => {
    if (bytes === undefined) return undefined
    if (bytes.length === last.length && bytes.every((byte, at) => byte === last[at])) return text
    last = Uint8Array.from(bytes)
    // Tracers that have no name for the trace write zeros.
    text = bytes.every((byte) => byte === 0) ? undefined : uuidText(bytes)
    return text
  }
}

const isAfter = (a: Time, b: Time): boolean => a.high > b.high || (a.high === b.high && a.low > b.low)

/** By how much the times of tracers' events may be outside of their packets, in ns; undefined: by anything. */
export const slackOf = ({ environment }: TraceClass): bigint | undefined => {
  const [name, major, minor] = ["tracer_name", "tracer_major", "tracer_minor"].map((key) => environment.get(key))
  if (name !== "lttng-ust" && name !== "lttng-modules") return undefined
  // Before 2.11 they took the time of a packet's end too early.
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 11) ? 0n : 10_000_000n
}

/** Whether the trace's clocks began before 2106: no machine runs until their 64 bits of nanoseconds end, in 2262. */
export const isTimed = ({ dataStreams }: TraceClass): boolean =>
  [...dataStreams.values()].every(({ clock }) => clock === undefined || clock.offsetSeconds < 2n ** 32n)

/** Why an event's time is none of its packet's, if so: what was overwritten may still look like events. */
const outside = ({ begin, end, cursor, hasBegin, hasEnd, time }: DataStream, slack: bigint): string | undefined => {
  if (hasBegin && isAfter(begin, time) && nanos(begin) - nanos(time) > slack) return "an event before its packet begins"
  // A tracer that crashed has not said when the packet ended.
  if (!hasEnd || !isAfter(time, end) || big(cursor.endTime) === 0n || nanos(time) - nanos(end) <= slack)
    return undefined
  return "an event after its packet's end"
}

const bare = { undeclared: undefined, shortened: undefined }

const eventFault = (stream: DataStream, { isTimed, slackNanos: slack }: Options): EventFault | undefined => {
  const { cursor } = stream
  let readableBits: number | undefined
  let outcome = stream.next()
  for (; outcome === event; outcome = stream.next()) {
    const reason = stream.plan?.clock === undefined || slack === undefined ? undefined : outside(stream, slack)
    if (reason !== undefined) return { ...bare, reason, isOutside: true, isDamage: true, readableBits }
    readableBits = cursor.base + cursor.at
  }
  if (outcome !== failed) return undefined
  const { kind, message } = stream.failure ?? { kind: "io", message: "an event that cannot be read" }
  const isDamage = brokenEvents.has(kind) || (isTimed && kind === "clock-overflow")
  const streamClass = stream.plan?.streamClass.id
  const isUndeclared = kind === "unknown-event-class" && streamClass !== undefined
  const undeclared = isUndeclared ? { streamClass, eventClass: BigInt(cursor.eventId) } : undefined
  return { ...bare, reason: message, isOutside: false, isDamage, undeclared, readableBits }
}

/** The bytes of a packet's head as they are; fewer at the end of the file. */
export const headAt = (source: DataSource, offset: number): Uint8Array => {
  const cursor = new Cursor()
  source.from(offset).load(cursor, 0, CtfPacket.headBytes)
  return cursor.bytes.subarray(0, CtfPacket.headBytes)
}

/** How a packet can be made to end before what is damaged; undefined if it is not, or has not LTTng's layout. */
const shortened = (source: DataSource, { byteCount, contentSize, fault, offset }: Packet): Shortened | undefined => {
  if (fault?.isDamage !== true || fault.readableBits === undefined) return undefined
  const found = headAt(source, offset)
  const head = CtfPacket.head(found)
  if (head === undefined || head.contentSize !== contentSize || head.packetSize !== BigInt(byteCount) * 8n)
    return undefined
  const bits = BigInt(fault.readableBits)
  // It is not an event that cannot be read, but the packet's end.
  if (bits === contentSize) return undefined
  const bytes = CtfPacket.memberBytes(found, bits)
  return { contentSize: bits, at: offset + CtfPacket.contentSizeAt, bytes }
}

const traceAtOf = (source: DataSource, offset: number, uuid: Uint8Array): number | undefined => {
  const head = CtfPacket.head(headAt(source, offset))
  const isSame = head !== undefined && Buffer.compare(head.traceUuid, uuid) === 0
  return isSame ? offset + CtfPacket.uuidAt : undefined
}

/** Undefined if the head does not have, where LTTng's layout has times, those that were read. */
const doubtOf = (source: DataSource, offset: number, begin: bigint, end: bigint): TimeDoubt | undefined => {
  const head = headAt(source, offset).slice()
  const bytesOf = (first: bigint, last: bigint) => CtfPacket.timesBytes(head, first, last)
  const { timesAt } = CtfPacket
  const isThere = Buffer.compare(head.subarray(timesAt, timesAt + 16), bytesOf(begin, end)) === 0
  return isThere ? { at: offset + timesAt, bytesOf } : undefined
}

/** Looks at packets by the trace's own metadata. */
const byPlan = (source: DataSource, plan: TracePlan, options: Options): Look => {
  const { isTimed, name } = options
  let stream = new DataStream(name, plan)
  const uuidOf = uuidReader()
  /** Also opens packets of several streams in one file: whose file it is can be told when all are known. */
  const open = (offset: number): boolean => {
    if (stream.open(source.from(offset))) return true
    if (stream.failure?.kind !== "stream-changes-in-file") return false
    stream = new DataStream(name, plan)
    return stream.open(source.from(offset))
  }
  return (offset, readsEvents) => {
    if (!open(offset)) {
      const { kind, message } = stream.failure ?? { kind: "io", message: "" }
      const isShort = kind === "data-short" || (kind === "packet-size" && / are left$/.test(message))
      const isUnreadable = kind === "unknown-stream-class" || (isTimed && kind === "clock-overflow")
      const isForeign = !broken.has(kind) && !isUnreadable
      const streamClass = big(stream.cursor.streamClassId) ?? 0n
      const undeclared = kind === "unknown-stream-class" ? { streamClass, eventClass: undefined } : undefined
      const trace = uuidOf(stream.cursor.uuid)
      return { isTorn: isShort, isForeign, isUnreadable, undeclared, reason: message, trace }
    }
    const { begin, beginCycles, cursor, end, hasBegin, hasEnd, totalBits } = stream
    const { uuid } = cursor
    const trace = uuidOf(uuid)
    const packet = {
      offset,
      trace,
      byteCount: totalBits / 8,
      contentSize: big(cursor.contentBits),
      timestampBegin: hasBegin ? big(beginCycles) : undefined,
      timestampEnd: big(cursor.endTime),
      eventsDiscarded: big(cursor.discarded),
      streamId: big(cursor.streamClassId),
      streamInstanceId: big(cursor.streamId),
      packetSeqNum: big(cursor.sequence),
      beginNanos: hasBegin ? nanos(begin) : undefined,
      endNanos: hasEnd ? nanos(end) : undefined
    }
    const fault = readsEvents ? eventFault(stream, options) : undefined
    const isOther = trace !== undefined && trace !== options.trace
    const traceAt = uuid && isOther ? traceAtOf(source, offset, uuid) : undefined
    const { timestampBegin: first, timestampEnd: last } = packet
    // A tracer that crashed has not said when the packet ended.
    const isDoubtful = first !== undefined && last !== undefined && last !== 0n && (last < first || fault?.isOutside)
    const doubt = isDoubtful ? doubtOf(source, offset, first, last) : undefined
    const whole = { ...packet, traceAt, doubt, fault }
    return { ...whole, fault: fault && { ...fault, shortened: shortened(source, whole) } }
  }
}

const unknown = { isUnreadable: false, undeclared: undefined, trace: undefined }

/** Looks at packets by the layout that every LTTng tracer uses, where the metadata is of no help. */
const byLayout = (source: DataSource, { byteCount, isForeign: isOther, longBytes }: Options): Look => {
  const uuidOf = uuidReader()
  return (offset) => {
    const found = headAt(source, offset)
    const head = CtfPacket.head(found, longBytes)
    const left = byteCount - offset
    if (head === undefined) {
      const isTorn = left < CtfPacket.headBytes
      // A file that ends inside of its first head has nothing to lose, if it begins as one of ours.
      const isOurs = offset > 0 || (isTorn && CtfPacket.isBeginning(found))
      const isForeign = isOther || !isOurs
      return { ...unknown, isTorn, isForeign, reason: "no packet begins here" }
    }
    const trace = uuidOf(head.traceUuid)
    const size = Number(head.packetSize / 8n)
    if (size > left) {
      const reason = `a packet of ${size} bytes where ${left} bytes are left`
      return { ...unknown, isTorn: true, isForeign: isOther, reason, trace }
    }
    const { packetSize: _, traceUuid: __, ...members } = head
    const untold = { beginNanos: undefined, endNanos: undefined, fault: undefined }
    return { ...members, ...untold, offset, byteCount: size, trace, traceAt: undefined, doubt: undefined }
  }
}

export interface Options {
  readonly name: string
  readonly byteCount: number
  readonly plan: TracePlan | undefined
  /** UUID of the trace, where that is known. */
  readonly trace: string | undefined
  readonly slackNanos: bigint | undefined
  /** A time that no reader can tell is a damaged one (`isTimed`). */
  readonly isTimed: boolean
  /** There is metadata, though it does not make a plan: the packets may have another layout than LTTng's. */
  readonly isForeign: boolean
  /** Bytes of a `long` of the traced machine; only matters without a plan. */
  readonly longBytes: 4 | 8
  /** Where the index says that packets begin, ascending. */
  readonly offsets: ReadonlyArray<number>
  readonly readsEvents: EventReading
}

/** Throws what the system says of a file that cannot be read: nothing is known of what is wrong with it. */
export const scan = (source: DataSource, options: Options): PacketScan => {
  try {
    source.from(0).load(new Cursor(), 0, 1)
    return scanOf(source, options)
  } finally {
    source.release()
  }
}

const scanOf = (source: DataSource, options: Options): PacketScan => {
  const { plan, readsEvents } = options
  const look = plan === undefined ? byLayout(source, options) : byPlan(source, plan, options)
  const found = scanned(look, options, readsEvents === "all")
  const last = readsEvents === "last" ? found.packets.at(-1) : undefined
  const again = last === undefined ? undefined : look(last.offset, true)
  const isUnreadable = again !== undefined && "fault" in again && again.fault !== undefined
  return isUnreadable ? scanned(look, options, true) : found
}

const empty = { ...unknown, isTorn: false, isForeign: true, reason: "a packet without bytes" }

const scanned = (look: Look, { byteCount, offsets }: Options, readsEvents: boolean): PacketScan => {
  const packets: Array<Packet> = []
  const holes: Array<Hole> = []
  for (let at = 0; at < byteCount; ) {
    const found = look(at, readsEvents)
    if ("offset" in found && found.byteCount > 0) {
      packets.push(found)
      at += found.byteCount
      continue
    }
    const next = offsets.find((offset) => offset > at && offset < byteCount && "offset" in look(offset, false))
    const why = "offset" in found ? empty : found
    holes.push({ ...why, from: at, to: next ?? byteCount, isTorn: why.isTorn && next === undefined })
    at = next ?? byteCount
  }
  return { packets, holes }
}
