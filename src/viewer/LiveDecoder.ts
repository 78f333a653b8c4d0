/**
 * What a viewer is told, decoded: the event records of all streams of all its sessions, in order, as soon as no other
 * stream may have an older one. Plain and synchronous: told by `on`, asked by `drain`.
 */
import { Clock, compare, type Time, timeOf } from "../ctf/decode/Clock.ts"
import { narrowed } from "../ctf/decode/Cursor.ts"
import { DataStream, inMemory, type Source } from "../ctf/decode/DataStream.ts"
import { Fault } from "../ctf/decode/Fault.ts"
import { TracePlan } from "../ctf/decode/Plan.ts"
import { LiveMerge, whenever } from "../ctf/live/LiveMerge.ts"
import { type Held, LiveStream } from "../ctf/live/LiveStream.ts"
import type { MetadataRefused } from "../ctf/metadata/MetadataRefused.ts"
import type { TraceClass } from "../ctf/model/TraceClass.ts"
import type { Shown } from "./Shown.ts"
import type { Session, ViewerEvent } from "./ViewerEvent.ts"
import type { PacketIndex, ViewedStream } from "./ViewerMerge.ts"

/** What cannot be shown, and why. */
export type Trouble =
  | { readonly kind: "metadata"; readonly stream: ViewedStream; readonly refused: MetadataRefused }
  /** The packet was cleared or overwritten before it could be read. */
  | { readonly kind: "packet-lost"; readonly stream: ViewedStream; readonly index: PacketIndex }
  /** The relay has more of the stream, and cannot read it. */
  | { readonly kind: "cut"; readonly stream: ViewedStream }
  /** Shown out of order: the relay learnt of the packet when later records had been shown. */
  | { readonly kind: "late"; readonly stream: ViewedStream }

/** More than this is not held back for other streams: each has a packet or two waiting, of some MiB at most. */
const heldBytesMax = 1024 * 1024 * 1024

interface Trace {
  plan: TracePlan | undefined
  clock: Clock | undefined
  isRefused: boolean
  /** Data streams so far, ended ones included. */
  streamCount: number
  /** Streams that have not ended, that of its metadata included. */
  openCount: number
}

const clockOf = ({ clocks }: TraceClass, shift: bigint): Clock | undefined => {
  for (const clock of clocks.values()) return new Clock(clock, shift)
  return undefined
}

interface Undeclared {
  readonly stream: ViewedStream
  readonly horizon: Time | undefined
}

export interface Options {
  /** The sessions that are watched to begin with; traces are named after their hosts. */
  readonly sessions: ReadonlyArray<Session>
  /** By how many ns all times are moved. */
  readonly clockShift?: bigint
  /** Instead of `heldBytesMax`. */
  readonly heldMax?: number
  /** What was shown of them over connections that were lost: it is not visited again. */
  readonly shown?: Shown | undefined
}

export class LiveDecoder {
  readonly #hosts: Map<bigint, string>
  readonly #clockShift: bigint
  readonly #shown: Shown | undefined
  readonly #traces = new Map<bigint, Trace>()
  /** By what they were announced as: a relay may give the id of one that has ended to another. */
  readonly #streams = new Map<ViewedStream, LiveStream>()
  readonly #viewed = new WeakMap<LiveStream, ViewedStream>()
  /** Streams whose trace has declared nothing yet: what they have may be the oldest. */
  readonly #undeclared = new Map<ViewedStream, Undeclared>()
  readonly #merge = new LiveMerge()
  readonly #held: Held = { bytes: 0 }
  readonly #heldMax: number
  #troubles: Array<Trouble> = []
  readonly #time: Time = { high: 0, low: 0 }

  constructor({ clockShift = 0n, heldMax = heldBytesMax, sessions, shown }: Options) {
    this.#hosts = new Map(sessions.map(({ hostname, id }) => [id, hostname]))
    this.#clockShift = clockShift
    this.#heldMax = heldMax
    this.#shown = shown
    shown?.asksAgain()
  }

  on(event: ViewerEvent): void {
    switch (event._tag) {
      case "StreamAdded":
        this.#trace(event.stream.traceId).openCount++
        if (!event.stream.isMetadata) this.#announce(event.stream, shifted(event.horizon, this.#clockShift))
        break
      case "Metadata":
        this.#declare(event.stream, event.traceClass, event.refused)
        break
      case "Packet":
        this.#packet(event)
        break
      case "PacketLost":
        this.#troubles.push({ kind: "packet-lost", stream: event.stream, index: event.index })
        this.#raise(event.stream, event.index.timestampEnd)
        break
      case "Inactive":
        this.#raise(event.stream, event.timestamp)
        break
      case "Silent":
        this.#silence(event.stream)
        break
      case "StreamEnded":
        if (event.isCut) this.#troubles.push({ kind: "cut", stream: event.stream })
        this.#end(event.stream)
        this.#shown?.streamEnded(event.stream)
        break
      case "SessionJoined":
        this.#hosts.set(event.session.id, event.session.hostname)
        break
      case "SessionEnded":
        this.#hosts.delete(event.sessionId)
        this.#shown?.ended(event.sessionId)
        break
      case "SessionRefused":
        break
    }
  }

  /**
   * Visits up to `countMax` items that are due: event records, losses, failures. True: there may be more of them. What
   * a visitor gets changes as soon as it has returned.
   */
  drain(countMax: number, visit: (live: LiveStream, stream: ViewedStream) => void): boolean {
    const visitEach = (live: LiveStream) => {
      const stream = this.#viewed.get(live) as ViewedStream
      if (!(this.#shown?.isNew(live, stream, live.stream.trace.traceClass.uuid) ?? true)) return
      if (live.isInDoubt && live.item === "event") {
        live.isInDoubt = false
        if (compare(live, this.#merge.visited) < 0) this.#troubles.push({ kind: "late", stream })
      }
      visit(live, stream)
    }
    // Only a relay whose answers contradict each other has so much wait.
    const isFull = this.#held.bytes > this.#heldMax
    const until = isFull ? whenever : this.#until()
    return until !== "never" && this.#merge.drain(countMax, visitEach, until)
  }

  /** What is later waits for traces that have declared nothing yet. */
  #until(): Time | "never" | undefined {
    let until: Time | undefined
    for (const { horizon } of this.#undeclared.values()) {
      if (horizon === undefined) return "never"
      if (until === undefined || compare(horizon, until) < 0) until = horizon
    }
    return until
  }

  /** Nothing more comes of any stream: all that came is due. */
  endAll(): void {
    this.#undeclared.clear()
    for (const live of this.#streams.values()) this.#merge.onEnd(live)
    this.#streams.clear()
  }

  /** What could not be shown since the last call. */
  troubles(): ReadonlyArray<Trouble> {
    const told = this.#troubles
    this.#troubles = []
    return told
  }

  #trace(id: bigint): Trace {
    const known = this.#traces.get(id)
    if (known !== undefined) return known
    const trace = { plan: undefined, clock: undefined, isRefused: false, streamCount: 0, openCount: 0 }
    this.#traces.set(id, trace)
    return trace
  }

  #announce(stream: ViewedStream, horizon: Time | undefined): void {
    const trace = this.#trace(stream.traceId)
    if (trace.plan !== undefined) this.#add({ stream, horizon }, trace, trace.plan)
    else if (!trace.isRefused) this.#undeclared.set(stream, { stream, horizon })
  }

  #add({ horizon, stream }: Undeclared, trace: Trace, plan: TracePlan): void {
    const live = new LiveStream(new DataStream(`${stream.path}/${stream.channel}`, plan), this.#held)
    live.isTimeless = trace.clock === undefined
    if (horizon !== undefined) live.raise(horizon)
    this.#streams.set(stream, live)
    this.#viewed.set(live, stream)
    this.#merge.add(live, { uid: plan.traceClass.uid ?? "", index: trace.streamCount++ })
  }

  #declare(stream: ViewedStream, traceClass: TraceClass | undefined, refused: MetadataRefused | undefined): void {
    const trace = this.#trace(stream.traceId)
    if (refused !== undefined && !trace.isRefused) {
      trace.isRefused = true
      this.#troubles.push({ kind: "metadata", stream, refused })
    }
    if (trace.plan === undefined && traceClass !== undefined) {
      const { path, sessionId } = stream
      trace.plan = new TracePlan(traceClass, `${this.#hosts.get(sessionId) ?? ""}/${path}`)
      trace.plan.clockShift = this.#clockShift
      trace.clock = clockOf(traceClass, trace.plan.clockShift)
    }
    if (trace.plan === undefined && !trace.isRefused) return
    for (const waiting of [...this.#undeclared.values()]) {
      if (waiting.stream.traceId !== stream.traceId) continue
      this.#undeclared.delete(waiting.stream)
      if (trace.plan !== undefined) this.#add(waiting, trace, trace.plan)
    }
  }

  #packet({ bytes, index, isLate, stream }: Extract<ViewerEvent, { readonly _tag: "Packet" }>): void {
    const live = this.#streams.get(stream)
    if (live === undefined) return
    live.isInDoubt ||= isLate
    live.isSilent = false
    live.push(sourceOf(bytes, index), bytes.length)
    this.#merge.onPacket(live)
    this.#raise(stream, index.timestampEnd)
    if (!isLate && this.#toTime(stream, index.timestampBegin)) this.#merge.raise(this.#time)
  }

  #raise(stream: ViewedStream, cycles: bigint): void {
    const live = this.#streams.get(stream)
    if (live === undefined || !this.#toTime(stream, cycles)) return
    live.isSilent = false
    live.raise(this.#time)
  }

  /** Writes the time of `cycles` to `#time`. False: it cannot be told, without a clock or beyond its range. */
  #toTime(stream: ViewedStream, cycles: bigint): boolean {
    // Traces have one clock; of several, that of the stream's class counts.
    const clock = this.#streams.get(stream)?.stream.plan?.clock ?? this.#traces.get(stream.traceId)?.clock
    if (clock === undefined) return false
    try {
      clock.convertInt(narrowed(cycles), this.#time)
      return true
    } catch (cause) {
      if (cause instanceof Fault) return false
      throw cause
    }
  }

  #silence(stream: ViewedStream): void {
    this.#undeclared.delete(stream)
    const live = this.#streams.get(stream)
    if (live !== undefined) live.isSilent = true
  }

  #end(stream: ViewedStream): void {
    const { traceId } = stream
    const live = this.#streams.get(stream)
    this.#undeclared.delete(stream)
    this.#streams.delete(stream)
    if (live !== undefined) this.#merge.onEnd(live)
    const trace = this.#traces.get(traceId)
    // Applications come and go; what they declared goes with them.
    if (trace !== undefined && --trace.openCount === 0) this.#traces.delete(traceId)
  }

  /** Bytes of packets of which not all was visited. */
  get heldBytes(): number {
    return this.#held.bytes
  }

  /** How many traces there are of which something may still come. */
  get traceCount(): number {
    return this.#traces.size
  }
}

const shifted = (nanos: bigint | undefined, shift: bigint): Time | undefined =>
  nanos === undefined ? undefined : timeOf(nanos + shift)

/** The padding was not fetched, but belongs to the packet. */
const sourceOf = (bytes: Uint8Array, { packetSize }: PacketIndex): Source => ({
  ...inMemory(bytes),
  byteCount: Math.max(bytes.length, Number(packetSize / 8n))
})
