/**
 * A viewer attached to sessions of one relay: pulls what happens there as typed events, in timestamp order.
 *
 * Nothing runs between pulls, and one packet is in memory at a time: a slow consumer slows the questions to the relay,
 * never the relay's other peers. `ViewerMerge.ts` and `ViewerPolling.ts` decide what to ask and what to show.
 */
import { Cause, Clock, Duration, Effect, Result } from "effect"
import { GrowingMetadata } from "../ctf/metadata/GrowingMetadata.ts"
import type { ClockClass } from "../ctf/model/TraceClass.ts"
import { Status as MetadataStatus } from "../protocol/live/GetMetadata.ts"
import { Status as NewStreamsStatus } from "../protocol/live/GetNewStreams.ts"
import * as GetNextIndex from "../protocol/live/GetNextIndex.ts"
import { Status as PacketStatus } from "../protocol/live/GetPacket.ts"
import type { StreamEntry } from "../protocol/live/StreamEntry.ts"
import type { ExchangeFailed } from "../transport/Exchange.ts"
import { Newcomers } from "./Newcomers.ts"
import type { ViewerConnection } from "./ViewerConnection.ts"
import type { ViewerEvent } from "./ViewerEvent.ts"
import * as ViewerMerge from "./ViewerMerge.ts"
import * as ViewerPhase from "./ViewerPhase.ts"
import * as ViewerPolling from "./ViewerPolling.ts"

/** A trace: one metadata stream and what it has declared. */
interface TraceState {
  metadata: ViewerMerge.ViewedStream | undefined
  readonly declared: GrowingMetadata
  isWanted: boolean
  isComplete: boolean
  /** Of its data streams, those that have not ended. Undefined: there was none yet. */
  openCount: number | undefined
}

/** Tracers use one clock for all streams of a trace. */
const clockOf = ({ declared }: TraceState): ClockClass | undefined => declared.traceClass?.clocks.values().next().value

interface SessionState {
  readonly id: bigint
  /** It will announce no further stream. */
  isOver: boolean
  overSinceMillis: number
  askedMillis: number
  isEnded: boolean
}

export interface Options {
  readonly connection: ViewerConnection
  readonly sessions: ReadonlyArray<{ readonly id: bigint; readonly streams: ReadonlyArray<StreamEntry> }>
  readonly periodMillis: number
  /** Fetches each packet with the padding at its end, as it is stored. */
  readonly withPadding: boolean
  /** Sees news within milliseconds, for more questions. */
  readonly isPrompt: boolean
}

/** A packet is fetched in slices, so that a large one does not occupy the relay in one go. */
const sliceBytes = 1024 * 1024
/** At the end of a session: how often metadata that the relay announced but could not read is asked for. */
const lastMetadataAttemptsMax = 2
/** "Fetch metadata, then ask again": how often before the packet counts as lost. */
const packetAttemptsMax = 20
/** From this minor on, every reply tells of new streams, and inactivity is told. */
const newStreamFlagMinor = 14
const newStreamsRarePeriods = 5
/** A session without streams has nothing else to be asked: its end and its first stream show this way. */
const emptyAskMillisMax = 1000

/** Answers the next events, at least one; fails with `Done` after the last. */
export const make = (options: Options): Effect.Effect<Effect.Effect<Array<ViewerEvent>, ExchangeFailed | Cause.Done>> =>
  Clock.clockWith((clock) => Effect.succeed(new Attachment(options, clock).next))

class Attachment {
  readonly options: Options
  readonly polling: ViewerPolling.Polling
  readonly sessions: ReadonlyArray<SessionState>
  readonly traces = new Map<bigint, TraceState>()
  readonly data = new Map<bigint, ViewerMerge.DataState>()
  readonly events: Array<ViewerEvent> = []
  shownNanos: bigint | undefined
  packetAttempts = 0
  areStreamsWanted = false
  /** When it was asked whether the metadata of traces without streams is over. */
  overMillis = 0
  readonly newcomers: Newcomers | undefined
  readonly patienceMillis: number
  /** Nothing is asked before: events are handed over first. */
  resumeMillis = 0

  constructor(options: Options, clock: Clock.Clock) {
    const nowMillis = clock.currentTimeMillisUnsafe()
    this.options = options
    const isAllTold = options.connection.minor >= newStreamFlagMinor
    this.newcomers = options.isPrompt && isAllTold ? new Newcomers(() => clock.monotonicTimeNanosUnsafe()) : undefined
    this.patienceMillis = ViewerMerge.patienceOf(options.periodMillis, isAllTold)
    this.polling = ViewerPolling.make(options.periodMillis)
    const begun = { isOver: false, overSinceMillis: 0, askedMillis: nowMillis, isEnded: false }
    this.sessions = options.sessions.map(({ id }) => ({ id, ...begun }))
    for (const { id, streams } of options.sessions) this.announce(id, streams, nowMillis)
  }

  readonly next: Effect.Effect<Array<ViewerEvent>, ExchangeFailed | Cause.Done> = Effect.suspend(() => {
    const self = this
    return Effect.gen(function* () {
      while (self.events.length === 0) {
        if (self.sessions.every(({ isEnded }) => isEnded)) return yield* Cause.done()
        yield* self.step()
      }
      return self.events.splice(0)
    })
  })

  announce(sessionId: bigint, entries: ReadonlyArray<StreamEntry>, nowMillis: number): void {
    for (const entry of entries) {
      const stream: ViewerMerge.ViewedStream = {
        id: entry.id,
        sessionId,
        traceId: entry.ctfTraceId,
        isMetadata: entry.metadataFlag,
        path: entry.pathName,
        channel: entry.channelName
      }
      const trace = this.traceOf(stream.traceId)
      const horizon = stream.isMetadata ? undefined : this.newcomers?.beginningOf(stream)
      if (stream.isMetadata) {
        trace.metadata = stream
        trace.isWanted = true
        trace.isComplete = false
      } else {
        trace.openCount = (trace.openCount ?? 0) + 1
        const state = ViewerMerge.make(stream, () => clockOf(trace), nowMillis, this.options.periodMillis)
        this.data.set(stream.id, state)
        state.horizon = horizon
      }
      this.events.push({ _tag: "StreamAdded", stream, horizon })
    }
    if (entries.length > 0) ViewerPolling.onPacket(this.polling)
  }

  traceOf(id: bigint): TraceState {
    const known = this.traces.get(id)
    if (known !== undefined) return known
    const trace: TraceState = {
      metadata: undefined,
      declared: new GrowingMetadata(),
      isWanted: false,
      isComplete: false,
      openCount: undefined
    }
    this.traces.set(id, trace)
    return trace
  }

  /** One question or one packet: new streams before anything whose timestamps they could precede. */
  step(): Effect.Effect<void, ExchangeFailed> {
    const self = this
    return Effect.gen(function* () {
      const nowMillis = yield* Clock.currentTimeMillis
      if (self.areStreamsWanted) yield* self.askNewStreams(self.sessions, nowMillis)
      yield* self.askMetadata()
      if (self.events.length > 0) return
      const choice = ViewerMerge.choose(self.data.values(), nowMillis, self.patienceMillis)
      if (choice._tag === "Show") return yield* self.show(choice.state)
      if (self.tellBegins()) return
      if (nowMillis < self.resumeMillis) return yield* Effect.sleep(Duration.millis(self.resumeMillis - nowMillis))
      const isActive = self.options.isPrompt
        ? yield* self.pollDue(nowMillis)
        : yield* self.pollTurn(choice.states, nowMillis)
      yield* self.askQuietSessions(nowMillis)
      yield* self.endSessions()
      if (isActive || self.areStreamsWanted) self.resumeMillis = nowMillis
    })
  }

  /** Records of other streams need not wait until a packet that is known of may be shown. */
  tellBegins(): boolean {
    for (const state of this.data.values()) {
      const timestamp = ViewerMerge.untoldBegin(state)
      if (timestamp !== undefined) this.events.push({ _tag: "Inactive", stream: state.stream, timestamp })
    }
    return this.events.length > 0
  }

  pollTurn(states: ReadonlyArray<ViewerMerge.DataState>, nowMillis: number): Effect.Effect<boolean, ExchangeFailed> {
    const isPacketWaiting = ViewerMerge.isPacketWaiting(this.data.values())
    return Effect.map(this.poll(ViewerPolling.turn(this.polling, states, isPacketWaiting), nowMillis), (isActive) => {
      if (!isActive) this.resumeMillis = nowMillis + ViewerPolling.onQuiet(this.polling, isPacketWaiting)
      return isActive
    })
  }

  /** Those whose news are due, whether a packet waits for them or not: records of packets that were shown do. */
  pollDue(nowMillis: number): Effect.Effect<boolean, ExchangeFailed> {
    const states = [...this.data.values()].filter(({ held }) => held === undefined)
    const due = states.filter(({ phase }) => phase.dueMillis <= nowMillis)
    return Effect.map(this.poll(due, nowMillis), (isActive) => {
      const next = Math.min(...states.map(({ phase }) => phase.dueMillis), nowMillis + emptyAskMillisMax / 10)
      this.resumeMillis = Math.max(nowMillis + 1, next)
      return isActive
    })
  }

  /** Whether any stream had a packet. */
  poll(states: ReadonlyArray<ViewerMerge.DataState>, nowMillis: number): Effect.Effect<boolean, ExchangeFailed> {
    if (states.length === 0) return Effect.succeed(false)
    const ids = states.map(({ stream }) => stream.id)
    this.newcomers?.onAsk()
    return Effect.map(this.options.connection.nextIndexes(ids), (replies) => {
      let isActive = false
      replies.forEach((reply, index) => {
        const state = states[index] as ViewerMerge.DataState
        state.polledMillis = nowMillis
        this.newcomers?.onReply(reply, state.clock())
        const told = this.events.length
        if (this.onIndex(state, reply, nowMillis)) isActive = true
        const hasPacket = state.held !== undefined
        if (hasPacket || this.events.length > told) ViewerPhase.onNews(state.phase, nowMillis, hasPacket)
        else ViewerPhase.onNothing(state.phase, nowMillis)
      })
      if (isActive) ViewerPolling.onPacket(this.polling)
      return isActive
    })
  }

  onIndex(state: ViewerMerge.DataState, reply: GetNextIndex.Reply, nowMillis: number): boolean {
    const { flags, status, ...index } = reply
    const { Flags, Status } = GetNextIndex
    if ((flags & Flags.newStream) !== 0) this.areStreamsWanted = true
    if ((flags & Flags.newMetadata) !== 0) this.traceOf(state.stream.traceId).isWanted = true
    if (status === Status.ok) {
      ViewerMerge.onPacket(state, index, nowMillis)
      return true
    }
    if (status === Status.inactive) {
      const timestamp = reply.timestampEnd
      if (ViewerMerge.onInactive(state, timestamp))
        this.events.push({ _tag: "Inactive", stream: state.stream, timestamp })
      return false
    }
    if (status === Status.retry && !this.isStuck(state, nowMillis)) {
      ViewerMerge.onRetry(state, nowMillis)
      if (state.isSilenceTold || !ViewerMerge.isSilent(state, 0, nowMillis, this.patienceMillis)) return false
      state.isSilenceTold = true
      this.events.push({ _tag: "Silent", stream: state.stream })
      return false
    }
    // Hung up, or beyond reading.
    this.data.delete(state.stream.id)
    this.events.push({ _tag: "StreamEnded", stream: state.stream })
    const trace = this.traceOf(state.stream.traceId)
    trace.openCount = (trace.openCount ?? 1) - 1
    return false
  }

  isStuck(state: ViewerMerge.DataState, nowMillis: number): boolean {
    const session = this.sessions.find(({ id }) => id === state.stream.sessionId)
    if (session?.isOver !== true) return false
    return ViewerMerge.isStuck(state, session.overSinceMillis, nowMillis, this.options.periodMillis)
  }

  askNewStreams(sessions: ReadonlyArray<SessionState>, nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    const self = this
    return Effect.gen(function* () {
      self.areStreamsWanted = false
      for (const session of sessions.filter(({ isOver }) => !isOver)) {
        session.askedMillis = nowMillis
        const { status, streams } = yield* self.options.connection.newStreams(session.id)
        if (status === NewStreamsStatus.ok) self.announce(session.id, streams, nowMillis)
        if (status === NewStreamsStatus.noNew || status === NewStreamsStatus.ok) continue
        session.isOver = true
        session.overSinceMillis = nowMillis
      }
    })
  }

  /** Sessions that have not been asked for a while, or have nothing else to be asked. */
  askQuietSessions(nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    const { connection, periodMillis } = this.options
    if (nowMillis - this.overMillis >= periodMillis) {
      this.overMillis = nowMillis
      for (const trace of this.traces.values()) if (trace.openCount === 0) trace.isWanted = true
    }
    const active = new Set([...this.data.values()].map(({ stream }) => stream.sessionId))
    const periods = connection.minor < newStreamFlagMinor ? 1 : newStreamsRarePeriods
    const due = this.sessions.filter(({ askedMillis, id }) => {
      const pause = active.has(id) ? periods * periodMillis : Math.min(periodMillis / 2, emptyAskMillisMax)
      return nowMillis - askedMillis >= pause
    })
    return this.askNewStreamsKeepingWish(due, nowMillis)
  }

  askNewStreamsKeepingWish(due: ReadonlyArray<SessionState>, nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    const wish = this.areStreamsWanted
    return Effect.map(this.askNewStreams(due, nowMillis), () => {
      this.areStreamsWanted = wish
    })
  }

  askMetadata(): Effect.Effect<void, ExchangeFailed> {
    const self = this
    return Effect.gen(function* () {
      for (const [id, trace] of self.traces) {
        // Applications come and go; what they declared goes with them.
        if (trace.isComplete && trace.openCount === 0) self.traces.delete(id)
        if (!trace.isWanted || trace.isComplete || trace.metadata === undefined) continue
        trace.isWanted = false
        yield* self.fetchMetadata(trace, trace.metadata)
      }
    })
  }

  /** Until the relay has no more; an error says the metadata stream is closed, not that something is wrong. */
  fetchMetadata(trace: TraceState, stream: ViewerMerge.ViewedStream): Effect.Effect<void, ExchangeFailed> {
    const self = this
    return Effect.gen(function* () {
      while (true) {
        const { data, status } = yield* self.options.connection.metadata(stream.id)
        if (status === MetadataStatus.error) trace.isComplete = true
        if (status !== MetadataStatus.ok) return
        // Announced, but not readable yet: it is asked for again before the next question.
        trace.isWanted = data.length === 0
        if (trace.isWanted) return
        const grown = trace.declared.append(data)
        const refused = Result.isFailure(grown) ? grown.failure : undefined
        self.events.push({ _tag: "Metadata", stream, bytes: data, traceClass: trace.declared.traceClass, refused })
      }
    })
  }

  show(state: ViewerMerge.DataState): Effect.Effect<void, ExchangeFailed> {
    const { held, stream } = state
    if (held === undefined) return Effect.void
    const nanos = ViewerMerge.keyOf(state) as bigint
    const isLate = this.shownNanos !== undefined && nanos < this.shownNanos
    const { index } = held
    return Effect.map(this.fetchPacket(state, index), (bytes) => {
      if (bytes === "later") return
      this.packetAttempts = 0
      ViewerMerge.release(state)
      if (!isLate) this.shownNanos = nanos
      this.events.push(
        bytes === "lost" ? { _tag: "PacketLost", stream, index } : { _tag: "Packet", stream, index, bytes, isLate }
      )
    })
  }

  fetchPacket(
    { stream }: ViewerMerge.DataState,
    index: ViewerMerge.PacketIndex
  ): Effect.Effect<Uint8Array | "lost" | "later", ExchangeFailed> {
    const self = this
    const wantedBits = self.options.withPadding ? index.packetSize : index.contentSize
    const wanted = Math.ceil(Number(wantedBits) / 8)
    return Effect.gen(function* () {
      const slices: Array<Uint8Array> = []
      for (let at = 0; at < wanted; ) {
        const len = Math.min(sliceBytes, wanted - at)
        const reply = yield* self.options.connection.packet(stream.id, index.offset + BigInt(at), len)
        if (reply.status !== PacketStatus.ok || reply.data.length === 0) return yield* self.onNoPacket(stream, reply)
        slices.push(reply.data)
        at += reply.data.length
      }
      return slices.length === 1 ? (slices[0] as Uint8Array) : Buffer.concat(slices)
    })
  }

  /** Relays before 2.6.2 ask for metadata or new streams to be fetched first. */
  onNoPacket(stream: ViewerMerge.ViewedStream, { flags, status }: { readonly flags: number; readonly status: number }) {
    const isLater = flags !== 0 || status === PacketStatus.retry
    if (!isLater || ++this.packetAttempts >= packetAttemptsMax) return Effect.succeed("lost" as const)
    if ((flags & GetNextIndex.Flags.newStream) !== 0) this.areStreamsWanted = true
    if ((flags & GetNextIndex.Flags.newMetadata) !== 0) this.traceOf(stream.traceId).isWanted = true
    return Effect.as(Effect.sleep(Duration.millis(this.polling.delayMillis)), "later" as const)
  }

  /** A session has ended when it announces no more and all its streams hung up. */
  endSessions(): Effect.Effect<void, ExchangeFailed> {
    const self = this
    return Effect.gen(function* () {
      for (const session of self.sessions) {
        const isRead = ![...self.data.values()].some(({ stream }) => stream.sessionId === session.id)
        if (session.isEnded || !session.isOver || !isRead) continue
        for (const trace of self.traces.values()) {
          if (trace.isComplete || trace.metadata?.sessionId !== session.id) continue
          for (let attempt = 0; attempt === 0 || (trace.isWanted && attempt < lastMetadataAttemptsMax); attempt++) {
            trace.isWanted = false
            yield* self.fetchMetadata(trace, trace.metadata)
          }
          trace.isComplete = true
        }
        session.isEnded = true
        self.events.push({ _tag: "SessionEnded", sessionId: session.id })
      }
    })
  }
}
