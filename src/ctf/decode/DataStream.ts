/**
 * One data stream, packet after packet, event record after event record. It also stands for its current event: a cursor
 * over the packet with the places where its scopes begin, its class and its time, which hold until the next call.
 *
 * Nothing is thrown: what cannot be decoded ends the packet with a `Failure`. After one, the cursor stands where the
 * failed record begins, so that `next` can go on once a missing class has arrived.
 */

import * as SystemError from "../../errors/SystemError.ts"
import type { Time } from "./Clock.ts"
import { Cursor, goOn, grainBytes, type Int, joined, moveClock, readAgain } from "./Cursor.ts"
import { type Failure, Fault, type FaultKind, short } from "./Fault.ts"
import type { EventPlan, StreamPlan, TracePlan } from "./Plan.ts"

/** Where the bytes of a packet come from. */
export interface Source {
  /** Bytes from the packet's first to the end of what can belong to it. */
  readonly byteCount: number
  /** Byte offset of the packet in its file. */
  readonly offset: number
  /** Sets `bytes` and `view` of the cursor to at least `countMin` bytes from `first` on, or all there are. */
  load(cursor: Cursor, first: number, countMin: number): void
}

/** A packet that is in memory, with its padding. */
export const inMemory = (bytes: Uint8Array): Source => ({
  byteCount: bytes.length,
  offset: 0,
  load: (cursor, first) => {
    // Not the caller's object: `slice` of a Buffer would not copy.
    cursor.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset + first, bytes.length - first)
    cursor.view = new DataView(bytes.buffer, bytes.byteOffset + first, bytes.length - first)
  }
})

/** Outcome of `next`: there are no more events in the packet. */
export const over = 0
/** Outcome of `next`: an event was decoded. */
export const event = 1
/** Outcome of `next`: the rest of the packet cannot be decoded; `failure` says why. */
export const failed = -1
/** What `next` found. */
export type Outcome = typeof over | typeof event | typeof failed

const magic = 0xc1fc1fc1
/** The magic number in a field whose byte order is not that of its writer. Readers of CTF 2 let it pass. */
const swappedMagic = 0xc11ffcc1
/** Bytes that are loaded at first, of a packet or of a record that was cut; four times as many if that is too few. */
const firstBytes = 1024
/** Positions in a window count bits and must fit 31 bits. */
const windowBytesMax = 2 ** 27

const empty = inMemory(new Uint8Array(0))

/** Decodes the packets of one data stream, event by event, in place: what it tells of an event holds until `next`. */
export class DataStream {
  /** Name of the file or live stream, for messages. */
  readonly name: string
  readonly trace: TracePlan
  readonly cursor = new Cursor()
  /** Packet header and context of the current packet, to be read again at any time. */
  readonly head = new Cursor()
  /** Position in `head` where the packet context begins. */
  contextAt = 0
  /** The plan of the stream's class; undefined before the first packet. */
  plan: StreamPlan | undefined = undefined
  /** The plan of the current event's class. */
  current: EventPlan | undefined = undefined
  /** Time of the current event, if `hasTime`. */
  readonly time: Time = { high: 0, low: 0 }
  hasTime = false
  /** When the current packet begins and ends, if `hasBegin` and `hasEnd`. */
  readonly begin: Time = { high: 0, low: 0 }
  hasBegin = false
  readonly end: Time = { high: 0, low: 0 }
  hasEnd = false
  /** `begin` in cycles of the clock; 0 if the packet does not say it. */
  beginCycles: Int = 0
  /** The clock in cycles, after the current event's header was read. */
  readonly eventClock = { clockHigh: 0, clockLow: 0 }
  /** For printers, to keep what they made of the packet's head; cleared when the next packet is opened. */
  headText: unknown = undefined
  /** Size of the current packet, in bits. */
  totalBits = 0
  /** Number of the current packet, from 0; −1 before the first. */
  packet = -1
  /** Why the last call failed; undefined if it did not. */
  failure: Failure | undefined = undefined
  #source: Source = empty
  #contentBits = 0
  /** What is wrong with the packet as a whole: the failure after its last event. */
  #endFault: unknown = undefined
  #firstStreamId: Int | undefined = undefined
  /** The plan's version when the packet's heads were read. Other streams of the plan may raise it meanwhile. */
  #headsVersion = 0
  /** End time of the packet before, in cycles. A clock that this packet's head does not set continues from there. */
  #endBefore: Int | undefined = undefined

  constructor(name: string, trace: TracePlan) {
    this.name = name
    this.trace = trace
  }

  /** The stream's id, as the current packet says it; undefined: it does not. */
  get streamId(): Int | undefined {
    return this.cursor.streamId
  }

  /** Reads the head of the next packet. False: see `failure`. */
  open(source: Source): boolean {
    this.#source = source
    this.packet++
    this.failure = undefined
    this.current = undefined
    this.headText = undefined
    this.#contentBits = source.byteCount * 8
    this.#endBefore = this.cursor.endTime
    let wanted = firstBytes
    while (true) {
      this.cursor.reset()
      try {
        this.#load(0, wanted)
        this.#readHead()
        return true
      } catch (cause) {
        if (cause === short && this.#canLoad(wanted)) wanted *= 4
        else return this.#fail(cause, undefined)
      }
    }
  }

  #canLoad(wanted: number): boolean {
    return this.cursor.end < this.cursor.content && wanted <= windowBytesMax / 4
  }

  /** What was loaded may be overwritten: the next record is loaded anew. */
  forget(): void {
    this.cursor.end = this.cursor.at
  }

  /** Loads a window that begins at byte `first` of the packet, a multiple of the grain. */
  #load(first: number, countMin: number): void {
    const { cursor } = this
    this.#source.load(cursor, first, countMin)
    cursor.base = first * 8
    cursor.at = 0
    this.#limit()
  }

  #limit(): void {
    const { cursor } = this
    cursor.content = this.#contentBits - cursor.base
    cursor.end = Math.min(cursor.content, cursor.bytes.length * 8, windowBytesMax * 8)
  }

  #readHead(): void {
    const { cursor, trace } = this
    try {
      trace.packetHeader(cursor)
    } finally {
      // A wrong magic number comes before all other faults: then the file is no stream.
      this.#checkMagic()
    }
    const plan = trace.stream(cursor.streamClassId)
    if (plan === undefined) {
      throw new Fault("unknown-stream-class", `no stream class ${cursor.streamClassId ?? 0} is declared`)
    }
    if (this.plan !== undefined && this.plan !== plan) {
      throw new Fault("stream-changes-in-file", `a packet of stream class ${plan.streamClass.id} in this stream`)
    }
    const isFirst = this.plan === undefined
    this.plan = plan
    this.#readAgain(plan)
    if (isFirst) this.#firstStreamId = cursor.streamId
    if (cursor.streamId !== this.#firstStreamId) {
      throw new Fault("stream-changes-in-file", `a packet of stream ${cursor.streamId} in this stream`)
    }
    this.#endFault = undefined
    this.#checkSizes()
    this.#noteTimes(plan)
  }

  #checkMagic(): void {
    const { cursor, trace } = this
    const isSwapped = trace.traceClass.format === "2" && cursor.magic === swappedMagic
    if (cursor.magic === undefined || cursor.magic === magic || isSwapped) return
    throw new Fault("bad-magic", `the packet begins with ${cursor.magic.toString(16)} instead of c1fc1fc1`)
  }

  /** Reads header and context again, by the plan of the stream class: it keeps what event records refer to. */
  #readAgain(plan: StreamPlan): void {
    const { cursor, head } = this
    cursor.at = 0
    cursor.reset()
    this.#headsVersion = plan.headsVersion
    plan.packetHeader(cursor)
    this.contextAt = cursor.at
    plan.packetContext(cursor)
    head.bytes = cursor.bytes.slice(0, (cursor.at + 7) >> 3)
    head.view = new DataView(head.bytes.buffer)
    head.end = cursor.at
    head.content = cursor.at
    head.refs = cursor.refs
  }

  #checkSizes(): void {
    const { cursor } = this
    const refuse = (detail: string): never => {
      throw new Fault("packet-size", detail)
    }
    const bytesLeft = this.#source.byteCount
    const total = cursor.totalBits ?? cursor.contentBits ?? bytesLeft * 8
    const content = cursor.contentBits ?? total
    if (typeof total !== "number" || typeof content !== "number") {
      throw new Fault("packet-size", `a packet of ${total} bits`)
    }
    if (total % 8 !== 0) refuse(`a packet of ${total} bits is not whole bytes`)
    if (content > total) refuse(`a packet of ${total} bits with ${content} bits of content`)
    if (total < cursor.at) refuse(`a packet of ${total} bits, but header and context take ${cursor.at}`)
    const isHeadLonger = content < cursor.at
    // A packet that does not say its size may be cut short: its first records are there.
    if (total / 8 > bytesLeft && cursor.totalBits !== undefined)
      refuse(`a packet of ${total / 8} bytes where ${bytesLeft} bytes are left`)
    this.totalBits = total
    this.#contentBits = isHeadLonger ? total : content
    this.#limit()
    // It is not known where its records end: they are read as long as they can be, as babeltrace2 does.
    if (isHeadLonger) {
      this.#endFault = new Fault("packet-size", `${content} bits of content, but header and context take ${cursor.at}`)
    }
  }

  /** If the end time cannot be converted, the packet's events are read all the same. */
  #noteEnd({ clock }: StreamPlan): void {
    try {
      clock?.convertInt(this.cursor.endTime ?? 0, this.end)
    } catch (cause) {
      this.hasEnd = false
      this.#endFault = cause
    }
  }

  #noteTimes(plan: StreamPlan): void {
    const { cursor } = this
    const { clock } = plan
    this.hasBegin = clock !== undefined && cursor.isClockSet
    this.hasEnd = clock !== undefined && cursor.endTime !== undefined
    if (!cursor.isClockSet && this.#endBefore !== undefined) moveClock(cursor, this.#endBefore, 64)
    this.beginCycles = this.hasBegin ? joined(cursor.clockHigh, cursor.clockLow) : 0
    if (this.hasBegin) clock?.convert(cursor.clockHigh, cursor.clockLow, this.begin)
    if (this.hasEnd) this.#noteEnd(plan)
  }

  /** Reads the next event record of the packet. `failed`: see `failure`. */
  next(): Outcome {
    const { cursor } = this
    this.failure = undefined
    if (cursor.at >= cursor.content) return this.#finish()
    let wanted = firstBytes / 4
    while (true) {
      const from = cursor.at
      const { clockHigh, clockLow, emptyCount, isClockSet, order } = cursor
      try {
        this.#readEvent(from)
        return event
      } catch (cause) {
        cursor.at = from
        cursor.clockHigh = clockHigh
        cursor.clockLow = clockLow
        cursor.emptyCount = emptyCount
        cursor.isClockSet = isClockSet
        cursor.order = order
        // What is there was too little: to be given it again would change nothing.
        do wanted *= 4
        while (wanted * 8 <= cursor.end - (from - (from % (grainBytes * 8))))
        if (cause !== short || !this.#canLoad(wanted / 4) || !this.#reload(from, wanted)) {
          if (this.failure === undefined) this.#fail(cause, this.current)
          return failed
        }
      }
    }
  }

  #finish(): Outcome {
    if (this.#endFault === undefined) return over
    this.#fail(this.#endFault, undefined)
    this.#endFault = undefined
    return failed
  }

  /** Loads a window that begins at the record, or less than a grain before. False: the bytes cannot be read. */
  #reload(from: number, wanted: number): boolean {
    const { cursor } = this
    const bit = cursor.base + from
    const first = Math.floor(bit / 8 / grainBytes) * grainBytes
    try {
      this.#load(first, wanted)
    } catch (cause) {
      return this.#fail(cause, this.current)
    }
    cursor.at = bit - cursor.base
    return true
  }

  #readEvent(from: number): void {
    const { cursor } = this
    const plan = this.plan as StreamPlan
    this.current = undefined
    cursor.eventId = -1
    plan.eventHeader(cursor)
    const id = cursor.eventId
    const current = id === -1 ? plan.lone : plan.event(id)
    if (current === undefined) {
      const wanted = id === -1 ? 0 : id
      throw new Fault(
        "unknown-event-class",
        `no event class ${wanted} is declared for stream class ${plan.streamClass.id}`
      )
    }
    if (plan.headsVersion !== this.#headsVersion) this.#rereadHeads(from)
    this.current = current
    if (plan.clock === undefined) {
      this.hasTime = false
    } else {
      this.hasTime = true
      this.eventClock.clockHigh = cursor.clockHigh
      this.eventClock.clockLow = cursor.clockLow
      plan.clock.convert(cursor.clockHigh, cursor.clockLow, this.time)
    }
    current.scan(cursor)
    if (cursor.at === from) throw new Fault("empty-event", "an event record without any bits")
  }

  /** A class refers to fields of the heads that nobody referred to before: their values have to be read now. */
  #rereadHeads(from: number): void {
    const { cursor, head } = this
    const plan = this.plan as StreamPlan
    this.#headsVersion = plan.headsVersion
    head.at = 0
    plan.packetHeader(head)
    plan.packetContext(head)
    readAgain(cursor, from)
    plan.eventHeader(cursor)
    goOn(cursor)
  }

  #fail(cause: unknown, current: EventPlan | undefined): false {
    const { cursor } = this
    const [kind, detail]: [FaultKind, string] =
      cause instanceof Fault ? [cause.kind, cause.detail] : ["io", SystemError.reasonOf(cause)]
    this.failure = {
      kind,
      message: detail,
      stream: this.name,
      packet: this.packet,
      offset: this.#source.offset,
      bit: cursor.base + cursor.at,
      event: current?.eventClass.name
    }
    return false
  }
}
