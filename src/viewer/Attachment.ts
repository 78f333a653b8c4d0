/**
 * A viewer attached to sessions of one relay: pulls what happens there as typed events, in timestamp order.
 *
 * Nothing runs between pulls, and one packet is in memory at a time: a slow consumer slows the questions to the relay,
 * never the relay's other peers. `ViewerMerge.ts` and `ViewerPolling.ts` decide what to ask and what to show.
 */
import { Cause, Clock, Duration, Effect } from "effect"
import * as GetNewStreams from "../protocol/live/GetNewStreams.ts"
import * as GetNextIndex from "../protocol/live/GetNextIndex.ts"
import type { StreamEntry } from "../protocol/live/StreamEntry.ts"
import { type ExchangeFailed, ReplyMalformed } from "../transport/Exchange.ts"
import { type AttachedSession, type Joiners, Joining } from "./Joining.ts"
import { Newcomers } from "./Newcomers.ts"
import { PacketSlices, type Refusal } from "./PacketSlices.ts"
import { clockOf, ViewedTraces } from "./ViewedTraces.ts"
import type { ViewerConnection } from "./ViewerConnection.ts"
import type { ViewerEvent } from "./ViewerEvent.ts"
import * as ViewerMerge from "./ViewerMerge.ts"
import * as ViewerPhase from "./ViewerPhase.ts"
import * as ViewerPolling from "./ViewerPolling.ts"
import {
  newStreamFlagMinor,
  periodOf,
  shortestPeriodOf,
  type WatchedSession,
  WatchedSessions
} from "./WatchedSessions.ts"

export interface Options {
  readonly connection: ViewerConnection
  readonly sessions: ReadonlyArray<AttachedSession>
  /** How sessions that begin later join them; undefined: they do not. */
  readonly joiners: Joiners | undefined
  /** Fetches each packet with the padding at its end, as it is stored. */
  readonly withPadding: boolean
  /** News are seen within milliseconds, for more questions. */
  readonly isPrompt: boolean
}

/** Answers the next events, at least one; fails with `Done` after the last. */
export const make = (options: Options): Effect.Effect<Effect.Effect<Array<ViewerEvent>, ExchangeFailed | Cause.Done>> =>
  Clock.clockWith((clock) => Effect.succeed(new Attachment(options, clock).next))

/** Streams and traces that have not ended: five times as many streams as one answer may announce. */
const openCountMax = 100_000

const millisOf = (nanos: bigint): number => Number(nanos) / 1e6

/** Not the wall clock: if that were set back, a viewer would wait for as long. */
const steadyMillis = Effect.map(Clock.monotonicTimeNanos, millisOf)

class Attachment {
  readonly #options: Options
  readonly #now: () => bigint
  readonly #polling: ViewerPolling.Polling
  readonly #sessions: WatchedSessions
  readonly #traces: ViewedTraces
  readonly #joining: Joining | undefined
  /** Data streams that have not ended, by id. */
  readonly #data = new Map<bigint, ViewerMerge.DataState>()
  /** Streams of which the relay can tell nothing more. */
  readonly #failed: Array<ViewerMerge.ViewedStream> = []
  /** Events for the next pull. */
  readonly #events: Array<ViewerEvent> = []
  /** When the newest packet begins that was shown: one that begins earlier is late. */
  #shownNanos: bigint | undefined
  readonly #packets: PacketSlices
  /** When the relay was asked last whether the metadata of traces without open streams is over. */
  #overMillis = 0
  /** How long a stream may say nothing before the others do not wait for it. */
  #patienceMillis = 0
  /** Since when all sessions have ended. */
  #endedMillis: number | undefined
  readonly #emptyMillis: number
  /** No stream is asked before this time. */
  #resumeMillis = 0

  constructor(options: Options, clock: Clock.Clock) {
    const startMillis = millisOf(clock.monotonicTimeNanosUnsafe())
    this.#options = options
    this.#now = () => clock.monotonicTimeNanosUnsafe()
    const periodMillis = shortestPeriodOf(options.sessions.map(({ session }) => session))
    this.#polling = ViewerPolling.make(periodMillis)
    this.#emptyMillis = ViewerPolling.emptyMillis(periodMillis, options.isPrompt)
    this.#sessions = new WatchedSessions({
      connection: options.connection,
      periodMillis,
      emptyMillis: this.#emptyMillis,
      announce: (...announced) => this.#announce(...announced)
    })
    this.#packets = new PacketSlices(options.connection, options.withPadding)
    this.#traces = new ViewedTraces(options.connection, (event) => this.#events.push(event))
    this.#joining = options.joiners && new Joining(options.joiners, options.sessions, periodMillis, this.#now)
    for (const each of options.sessions) this.#add(each, startMillis)
  }

  get next(): Effect.Effect<Array<ViewerEvent>, ExchangeFailed | Cause.Done> {
    return Effect.gen({ self: this }, function* () {
      while (this.#events.length === 0) {
        if (this.#sessions.count > 0) yield* this.#step()
        else if (yield* this.#isOver()) return yield* Cause.done()
      }
      return this.#events.splice(0)
    })
  }

  #add({ session, streams }: AttachedSession, nowMillis: number): void {
    const periodMillis = periodOf(session)
    const isAllTold = this.#options.connection.minor >= newStreamFlagMinor
    this.#patienceMillis = Math.max(this.#patienceMillis, ViewerMerge.patienceOf(periodMillis, isAllTold))
    const newcomers = this.#options.isPrompt && isAllTold ? new Newcomers(this.#now) : undefined
    this.#announce(this.#sessions.add(session, newcomers, nowMillis), streams, nowMillis)
  }

  #announce(session: WatchedSession, entries: ReadonlyArray<StreamEntry>, nowMillis: number): void {
    for (const entry of entries) {
      // What is watched already is the same stream, whatever is said of it now.
      if (this.#data.has(entry.id)) continue
      const stream: ViewerMerge.ViewedStream = {
        id: entry.id,
        sessionId: session.id,
        traceId: entry.ctfTraceId,
        isMetadata: entry.metadataFlag,
        path: entry.pathName,
        channel: entry.channelName
      }
      const trace = this.#traces.of(stream.traceId)
      const before = trace.isComplete ? undefined : trace.metadata
      if (stream.isMetadata && before?.id === stream.id) continue
      const horizon = stream.isMetadata ? undefined : session.newcomers?.beginningOf(stream)
      if (stream.isMetadata) {
        trace.metadata = stream
        trace.isWanted = true
        trace.isComplete = false
      } else {
        trace.openCount = (trace.openCount ?? 0) + 1
        const state = ViewerMerge.make(stream, () => clockOf(trace), nowMillis, session.periodMillis)
        this.#data.set(stream.id, state)
        state.horizon = horizon
      }
      this.#events.push({ _tag: "StreamAdded", stream, horizon })
      // Who counts what is open of a trace must see an end of each.
      if (stream.isMetadata && before !== undefined)
        this.#events.push({ _tag: "StreamEnded", stream: before, isCut: false })
    }
    if (entries.length === 0) return
    ViewerPolling.onPacket(this.#polling)
    this.#resumeMillis = nowMillis
  }

  /** Asks once, or shows one packet; asks for new streams before it shows what may be newer than their records. */
  #step(): Effect.Effect<void, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      const nowMillis = yield* steadyMillis
      if (this.#data.size + this.#traces.size > openCountMax) {
        const reason = `announces more than ${openCountMax} streams at once`
        return yield* new ReplyMalformed({ command: GetNewStreams.name, reason })
      }
      if (this.#sessions.areStreamsWanted) yield* this.#sessions.askAll(nowMillis)
      yield* this.#traces.ask()
      if (this.#events.length > 0) return
      const choice = ViewerMerge.choose(this.#data.values(), nowMillis, this.#patienceMillis)
      if (choice._tag === "Show") return yield* this.#show(choice.state)
      if (this.#tellBegins()) return
      if (nowMillis < this.#resumeMillis) return yield* Effect.sleep(Duration.millis(this.#resumeMillis - nowMillis))
      const polled = this.#options.isPrompt ? this.#pollDue(nowMillis) : this.#pollTurn(choice.states, nowMillis)
      const isActive = yield* polled
      yield* this.#endFailed(nowMillis)
      // What was told is passed on once it is known which other streams may have older records.
      const told = this.#events.splice(0)
      if (told.length > 0) yield* this.#askAfterNews(nowMillis)
      yield* this.#awaitLook(isActive || told.length > 0)
      for (const event of told) this.#events.push(event)
      this.#wantOver(nowMillis)
      yield* this.#sessions.askQuiet(this.#active(), nowMillis)
      yield* this.#endSessions()
    })
  }

  /** Ids of the sessions with open data streams. */
  #active(): ReadonlySet<bigint> {
    return new Set(Array.from(this.#data.values(), ({ stream }) => stream.sessionId))
  }

  #askAfterNews(nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    const sessions = this.#sessions
    return sessions.areStreamsWanted
      ? sessions.askAll(nowMillis)
      : sessions.ask(sessions.empty(this.#active()), nowMillis)
  }

  /** Tells where packets begin that may not be shown yet, so that older records of other streams need not wait. */
  #tellBegins(): boolean {
    for (const state of this.#data.values()) {
      const timestamp = ViewerMerge.untoldBegin(state)
      if (timestamp !== undefined) this.#events.push({ _tag: "Inactive", stream: state.stream, timestamp })
    }
    return this.#events.length > 0
  }

  #pollTurn(states: ReadonlyArray<ViewerMerge.DataState>, nowMillis: number): Effect.Effect<boolean, ExchangeFailed> {
    const isPacketWaiting = ViewerMerge.isPacketWaiting(this.#data.values())
    return Effect.map(this.#poll(ViewerPolling.turn(this.#polling, states, isPacketWaiting), nowMillis), (isActive) => {
      if (!isActive) this.#resumeMillis = nowMillis + ViewerPolling.onQuiet(this.#polling, isPacketWaiting)
      return isActive
    })
  }

  /** Asks streams whose news are due, also if no packet waits for these: records of packets that were shown do. */
  #pollDue(nowMillis: number): Effect.Effect<boolean, ExchangeFailed> {
    const states = [...this.#data.values()].filter(({ held }) => held === undefined)
    const due = states.filter(({ phase }) => phase.dueMillis <= nowMillis)
    return Effect.map(this.#poll(due, nowMillis), (isActive) => {
      const pause = this.#sessions.empty(this.#active()).length > 0 ? this.#emptyMillis : ViewerPolling.promptMillisMax
      const next = ViewerMerge.dueMillisOf(states, nowMillis + pause)
      if (!isActive) this.#resumeMillis = Math.max(nowMillis + 1, next)
      return isActive
    })
  }

  /** Asks streams for their next index. Answers whether any had a packet. */
  #poll(states: ReadonlyArray<ViewerMerge.DataState>, nowMillis: number): Effect.Effect<boolean, ExchangeFailed> {
    if (states.length === 0) return Effect.succeed(false)
    const ids = states.map(({ stream }) => stream.id)
    this.#sessions.onAsk()
    return Effect.map(this.#options.connection.nextIndexes(ids), (replies) => {
      let isActive = false
      replies.forEach((reply, index) => {
        const state = states[index] as ViewerMerge.DataState
        state.polledMillis = nowMillis
        this.#sessionOf(state)?.newcomers?.onReply(reply, state.clock())
        this.#joining?.onReply(reply, state.clock(), state.horizon !== undefined)
        const told = this.#events.length
        if (this.#onIndex(state, reply, nowMillis)) isActive = true
        const hasPacket = state.held !== undefined
        if (hasPacket || this.#events.length > told) ViewerPhase.onNews(state.phase, nowMillis, hasPacket)
        else ViewerPhase.onNothing(state.phase, nowMillis)
      })
      if (isActive) ViewerPolling.onPacket(this.#polling)
      return isActive
    })
  }

  #onIndex(state: ViewerMerge.DataState, reply: GetNextIndex.Reply, nowMillis: number): boolean {
    const { flags, status, ...index } = reply
    const { Status } = GetNextIndex
    this.#heed(flags, state.stream)
    if (status === Status.ok) {
      ViewerMerge.onPacket(state, index, nowMillis)
      return true
    }
    if (status === Status.inactive) {
      const timestamp = reply.timestampEnd
      if (ViewerMerge.onInactive(state, timestamp))
        this.#events.push({ _tag: "Inactive", stream: state.stream, timestamp })
      return false
    }
    if (status === Status.retry && !this.#isStuck(state, nowMillis)) {
      ViewerMerge.onRetry(state, nowMillis)
      if (state.isSilenceTold || !ViewerMerge.isSilent(state, 0, nowMillis, this.#patienceMillis)) return false
      state.isSilenceTold = true
      this.#events.push({ _tag: "Silent", stream: state.stream })
      return false
    }
    this.#data.delete(state.stream.id)
    const trace = this.#traces.of(state.stream.traceId)
    trace.openCount = (trace.openCount ?? 1) - 1
    if (status === Status.error) this.#failed.push(state.stream)
    else this.#events.push({ _tag: "StreamEnded", stream: state.stream, isCut: false })
    return false
  }

  /** What an answer about a stream tells besides: that its session has new streams, or its trace more metadata. */
  #heed(flags: number, { traceId }: ViewerMerge.ViewedStream): void {
    const { Flags } = GetNextIndex
    if ((flags & Flags.newStream) !== 0) this.#sessions.areStreamsWanted = true
    if ((flags & Flags.newMetadata) !== 0) this.#traces.of(traceId).isWanted = true
  }

  /** Ends the streams that failed. If their session was withdrawn, that is told once, not for each of them. */
  #endFailed(nowMillis: number): Effect.Effect<void, ExchangeFailed> {
    if (this.#failed.length === 0) return Effect.void
    const failed = this.#failed.splice(0)
    const sessions = this.#sessions.select(new Set(failed.map(({ sessionId }) => sessionId)))
    return Effect.map(this.#sessions.ask(sessions, nowMillis), () => {
      for (const stream of failed) {
        const isWithdrawn = this.#sessions.find(stream.sessionId)?.isWithdrawn === true
        this.#events.push({ _tag: "StreamEnded", stream, isCut: !isWithdrawn })
      }
    })
  }

  #sessionOf({ stream }: ViewerMerge.DataState): WatchedSession | undefined {
    return this.#sessions.find(stream.sessionId)
  }

  #isStuck(state: ViewerMerge.DataState, nowMillis: number): boolean {
    const session = this.#sessionOf(state)
    if (session?.isOver !== true) return false
    return ViewerMerge.isStuck(state, session.overSinceMillis, nowMillis, session.periodMillis)
  }

  /** Asks once a live period whether the metadata of traces without open streams is over. */
  #wantOver(nowMillis: number): void {
    if (nowMillis - this.#overMillis < this.#polling.periodMillis) return
    this.#overMillis = nowMillis
    this.#traces.wantOfEnded()
  }

  #show(state: ViewerMerge.DataState): Effect.Effect<void, ExchangeFailed> {
    const { held, stream } = state
    if (held === undefined) return Effect.void
    const nanos = ViewerMerge.keyOf(state) as bigint
    const isLate = this.#shownNanos !== undefined && nanos < this.#shownNanos
    const { index } = held
    return Effect.gen({ self: this }, function* () {
      const bytes = yield* this.#packets.fetch(stream.id, index)
      if (bytes !== "lost" && !(bytes instanceof Uint8Array)) return yield* this.#putOff(stream, bytes)
      ViewerMerge.release(state)
      if (!isLate) this.#shownNanos = nanos
      this.#events.push(
        bytes === "lost" ? { _tag: "PacketLost", stream, index } : { _tag: "Packet", stream, index, bytes, isLate }
      )
    })
  }

  #putOff(stream: ViewerMerge.ViewedStream, { flags }: Refusal): Effect.Effect<void> {
    this.#heed(flags, stream)
    return Effect.sleep(Duration.millis(this.#polling.delayMillis))
  }

  #endSessions(): Effect.Effect<void, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      for (const { id, isWithdrawn } of this.#sessions.takeEnded(this.#active())) {
        yield* this.#traces.finish(id)
        this.#events.push({ _tag: "SessionEnded", sessionId: id, isWithdrawn })
      }
    })
  }

  /** Looks for sessions that have begun since the last look, if that is due before what was told is passed on. */
  #awaitLook(hasNews: boolean): Effect.Effect<void, ExchangeFailed> {
    const millis = this.#joining?.waitMillis(hasNews)
    if (millis === undefined) return Effect.void
    return millis === 0 ? this.#admit() : Effect.andThen(Effect.sleep(Duration.millis(millis)), this.#admit())
  }

  #admit(): Effect.Effect<void, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      const found = yield* this.#joining?.look() ?? Effect.succeed([])
      const nowMillis = yield* steadyMillis
      for (const { attached, session } of found) {
        if (typeof attached === "string") {
          this.#events.push({ _tag: "SessionRefused", session, reason: attached })
          continue
        }
        this.#events.push({ _tag: "SessionJoined", session })
        this.#add(attached, nowMillis)
        ViewerPolling.onPacket(this.#polling)
        this.#endedMillis = undefined
      }
    })
  }

  /** Whether no session will join any more; looks for one, and waits a while before it answers false. */
  #isOver(): Effect.Effect<boolean, ExchangeFailed> {
    return Effect.gen({ self: this }, function* () {
      const nowMillis = yield* steadyMillis
      this.#endedMillis ??= nowMillis
      const { lingerMillis = 0 } = this.#options.joiners ?? {}
      const leftMillis = this.#endedMillis + lingerMillis - nowMillis
      // Everything was read: if the relay goes now, nothing is lost.
      const looked = yield* Effect.result(this.#admit())
      if (looked._tag === "Failure" && lingerMillis === Number.POSITIVE_INFINITY) return yield* looked.failure
      if (this.#events.length > 0) return false
      if (looked._tag === "Failure" || leftMillis <= 0) return true
      yield* Effect.sleep(Duration.millis(Math.min(this.#joining?.restMillis ?? 0, leftMillis)))
      return false
    })
  }
}
