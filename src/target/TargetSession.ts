/**
 * One recording session as a target streams it: streams, live timer, rotations, the data-pending handshake, its end.
 *
 * A session owns one control and one data connection for as long as its scope. Leaving the scope without `close` looks
 * to the relay like a tracer that was killed: it keeps what it has.
 *
 * Order, outermost first: one rotation, clear or close at a time (`moves`); the live timer's tick (`ticking`); a
 * stream's packet; a turn of writing (`Wire.order`). What comes later in this list never waits for what comes earlier.
 */
import { Cause, Duration, Effect, Exit, Schedule, Scope, Semaphore } from "effect"
import { clockNanos, wallMillis } from "../Machine.ts"
import * as BeginDataPending from "../protocol/control/BeginDataPending.ts"
import * as CloseTraceChunk from "../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../protocol/control/CreateSession.ts"
import * as DataPending from "../protocol/control/DataPending.ts"
import * as EndDataPending from "../protocol/control/EndDataPending.ts"
import * as GetConfiguration from "../protocol/control/GetConfiguration.ts"
import * as QuiescentControl from "../protocol/control/QuiescentControl.ts"
import * as StreamsSent from "../protocol/control/StreamsSent.ts"
import * as ReturnCode from "../protocol/ReturnCode.ts"
import { type Features, features } from "../protocol/Version.ts"
import * as Dial from "../transport/Dial.ts"
import type { TlsFailed } from "../transport/tls/DialTls.ts"
import * as Unfinished from "../transport/Unfinished.ts"
import * as ControlClient from "./ControlClient.ts"
import { AlreadyClosed, type AskFailed, type CommandFailed, insisted, RelayRefused } from "./ControlClient.ts"
import type { Destination } from "./Destination.ts"
import * as RequestInvalid from "./RequestInvalid.ts"
import type { ChunkTimes } from "./TargetChunks.ts"
import * as TargetChunks from "./TargetChunks.ts"
import * as TargetStream from "./TargetStream.ts"
import { NotNegotiated } from "./TargetStream.ts"
import * as Turns from "./Turns.ts"

/** What the relay is told of a session (streaming.md §6.1). */
export interface SessionOptions {
  readonly name: string
  /** Makes it a live session: at each period every stream sends what is new, or a beacon. */
  readonly liveTimer?: Duration.Input
  /** Trace clock of live sessions, in its own units; the machine's monotonic nanoseconds where not given. */
  readonly clock?: () => bigint
  /** A snapshot's name makes it a snapshot session: one chunk of that name, no indexes, no viewers. */
  readonly snapshot?: string
  /** Seconds since the epoch. */
  readonly creationTime?: number
  readonly nameContainsCreationTime?: boolean
  /** CTF 1.8, the default, or CTF 2. */
  readonly traceFormat?: 1 | 2
  /** Creation time of the first trace chunk; `creationTime` where not given. */
  readonly chunkTime?: number
  /** Id of the first trace chunk; 0 by default. */
  readonly chunkId?: bigint
  /** Newest protocol minor for this session only, if that is below the target's own. */
  readonly minor?: number
}

/** A session that is being recorded. Calls may be made at the same time; what changes chunks is done one at a time. */
export interface Session {
  /** The relay's id of it. */
  readonly id: bigint
  readonly minor: number
  /** Below the relay's output directory; relays before 2.11 do not tell. */
  readonly outputPath: string | undefined
  /** Announces a stream (streaming.md §6.2); viewers do not see it before `publish`. */
  readonly stream: (options: TargetStream.StreamOptions) => Effect.Effect<TargetStream.DataStream, CommandFailed>
  /** Announces the metadata stream of the trace at `path` (streaming.md §6.4). */
  readonly metadata: (path: string) => Effect.Effect<TargetStream.MetadataStream, CommandFailed>
  /** Shows the streams added so far to viewers, all at once. */
  readonly publish: Effect.Effect<void, CommandFailed>
  /**
   * Archives the current trace chunk and goes on in a new one; answers where the old one is then, relative to the
   * relay's output directory.
   */
  readonly rotate: (times?: ChunkTimes) => Effect.Effect<string | undefined, CommandFailed | NotNegotiated>
  /** As `rotate`, but the old chunk is deleted. */
  readonly clear: Effect.Effect<void, CommandFailed | NotNegotiated>
  /** Closes every stream, then moves on to a new, empty chunk. */
  readonly rotateClosed: (times?: ChunkTimes) => Effect.Effect<string | undefined, CommandFailed | NotNegotiated>
  /** Whether the relay still lacks something that was sent. */
  readonly isPending: Effect.Effect<boolean, CommandFailed>
  /** Waits until the relay has stored everything that was sent. */
  readonly stored: Effect.Effect<void, CommandFailed>
  /**
   * The orderly end: everything stored, chunk and streams closed, then the connections. `archive` moves the last chunk
   * to the archives.
   *
   * A flush that has begun is waited for and its packet sent; no other begins. What else is asked of the session from
   * then on fails with `AlreadyClosed`. A second `close` waits for the first.
   */
  readonly close: (end?: { readonly archive?: boolean; readonly closedAt?: number }) => Effect.Effect<void, AskFailed>
}

export interface Identity {
  readonly hostname: string
  readonly sessiondUuid: string
  readonly sessionId: bigint
  readonly minorMax: number
}

type SessionFailed = Dial.DialFailed | TlsFailed | AskFailed | NotNegotiated

/** How often a target asks whether everything is stored, as `lttng stop` does. */
const pendingPollMillis = 100

const two = (value: number) => String(value).padStart(2, "0")
const datetime = (seconds: number): string => {
  const at = new Date(seconds * 1000)
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`
  return `${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`
}

const nowSeconds = () => Math.floor(wallMillis() / 1000)

/** Relays before 2.11 do not choose directories: the stream's path names host and session. */
const pathPrefixOf = (abilities: Features, host: string, basePath: string, options: SessionOptions): string => {
  if (abilities.dynamicLayouts) return ""
  const dated = `${options.name}-${datetime(options.creationTime ?? nowSeconds())}`
  const directory = basePath !== "" ? basePath : options.nameContainsCreationTime === true ? options.name : dated
  return `/${host}/${directory}//`
}

export const open = (
  destination: Destination,
  identity: Identity,
  options: SessionOptions
): Effect.Effect<Session, SessionFailed, Scope.Scope> =>
  Effect.gen(function* () {
    // A scope of its own, so that closing the session can close the connections before the caller's scope ends.
    const scope = yield* Scope.fork(yield* Scope.Scope)
    const session = yield* Scope.provide(Unfinished.closed(connect(destination, identity, options)), scope)
    const close: Session["close"] = (end) =>
      Effect.andThen(
        session.close(end),
        Effect.suspend(() => Scope.close(scope, Exit.void))
      )
    return { ...session, close }
  })

const connect = (
  destination: Destination,
  identity: Identity,
  options: SessionOptions
): Effect.Effect<Session, SessionFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { host, family, controlPort, dataPort, basePath, tls } = destination
    const minorMax = Math.min(identity.minorMax, options.minor ?? identity.minorMax)
    const control = yield* ControlClient.connect({ host, port: controlPort, family, tls }, minorMax)
    return yield* start(control, Dial.dial({ host, port: dataPort, family, tls }, "data"), {
      identity,
      basePath,
      options
    })
  })

/** A session over a control connection that has agreed on a version; `dialData` opens the other one when it is due. */
export const start = (
  control: ControlClient.ControlClient,
  dialData: Effect.Effect<Dial.Link, Dial.DialFailed | TlsFailed, Scope.Scope>,
  wanted: { readonly identity: Identity; readonly basePath: string; readonly options: SessionOptions }
): Effect.Effect<Session, SessionFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { identity, basePath, options } = wanted
    const abilities = features(control.minor)
    const isSnapshot = options.snapshot !== undefined
    const liveTimerMicros = yield* RequestInvalid.micros(CreateSession.name, "liveTimer", options.liveTimer)
    const creationTime = options.creationTime ?? nowSeconds()
    const creationSeconds = yield* RequestInvalid.seconds(CreateSession.name, "creationTime", creationTime)
    if (liveTimerMicros > 0 && !abilities.index) {
      return yield* new NotNegotiated({ feature: "a live session", minor: control.minor })
    }
    const mayClear = abilities.configuration && (yield* isClearAllowed(control))
    const created = yield* control.insist(CreateSession, {
      sessionName: options.name,
      hostname: identity.hostname,
      basePath: abilities.dynamicLayouts ? basePath : "",
      liveTimer: liveTimerMicros,
      snapshot: isSnapshot,
      nameContainsCreationTime: options.nameContainsCreationTime ?? false,
      sessiondUuid: identity.sessiondUuid,
      sessionId: identity.sessionId,
      creationTime: creationSeconds,
      currentChunkId: undefined,
      traceFormat: options.traceFormat ?? 1
    })
    const data = yield* dialData
    const wire: TargetStream.Wire = {
      control,
      data,
      hasIndex: abilities.index && !isSnapshot,
      pathPrefix: pathPrefixOf(abilities, identity.hostname, basePath, options),
      order: yield* Semaphore.make(1),
      isClosing: false,
      unsettled: []
    }
    const chunks = yield* TargetChunks.make(control, {
      exist: abilities.chunks,
      id: options.chunkId ?? 0n,
      createdAt: options.chunkTime ?? creationTime,
      overrideName: options.snapshot,
      sessionPath: created.outputPath
    })
    const session = makeSession(wire, created, chunks, { isSnapshot, mayClear, isLive: liveTimerMicros > 0 })
    if (liveTimerMicros > 0) {
      const clock = options.clock ?? clockNanos
      // Whole milliseconds, as those of the wall clock that the schedule is fixed to.
      const period = Duration.millis(Math.ceil(liveTimerMicros / 1000))
      // A stream that is closed needs no beacon.
      const ticked = Effect.catchTag(session.tick(clock), "AlreadyClosed", () => Effect.void)
      const tick = ticked.pipe(Effect.schedule(Schedule.fixed(period)))
      yield* Effect.forkScoped(Effect.catchCause(tick, (cause) => onTicksFailed(wire, cause)))
    }
    return session
  })

/** No flush and no beacon comes any more; users of the session are told by their next call that waits for answers. */
const onTicksFailed = (wire: TargetStream.Wire, cause: Cause.Cause<AskFailed>) =>
  Cause.hasDies(cause)
    ? Effect.logError("flush failed: the live timer stands still", cause)
    : Effect.sync(() => void wire.unsettled.unshift(Effect.failCause(cause)))

const isClearAllowed = (control: ControlClient.ControlClient) =>
  Effect.map(
    control.insist(GetConfiguration, { queryFlags: 0n }),
    ({ configurationFlags }) => (configurationFlags & GetConfiguration.clearAllowed) !== 0n
  )

/**
 * The handshake that tells whether the relay has everything. Its questions are written in one turn, so that they are
 * about streams that are open; the answers are waited for outside it.
 */
const makePending = (wire: TargetStream.Wire, streams: TargetChunks.Streams, sessionId: bigint) => {
  const { control } = wire
  const ask = Effect.gen(function* () {
    const answers: Array<Effect.Effect<boolean, AskFailed>> = []
    const insist = <Request, Reply extends { readonly returnCode: number }>(
      command: ControlClient.Command<Request, Reply>,
      request: Request
    ) =>
      Effect.map(control.start(command, request), (awaited) => {
        answers.push(
          Effect.as(
            Effect.flatMap(awaited, (reply) => insisted(command.name, reply)),
            false
          )
        )
      })
    yield* insist(BeginDataPending, { sessionId })
    for (const stream of streams.data()) {
      const request = { streamId: stream.handle(), lastNetSeqNum: stream.lastPairedNetSeqNum() }
      answers.push(Effect.flatMap(yield* control.start(DataPending, request), isMissing))
    }
    for (const stream of streams.metadata()) yield* insist(QuiescentControl, { streamId: stream.handle() })
    const end = yield* control.start(EndDataPending, { sessionId })
    answers.push(Effect.map(end, ({ returnCode }) => returnCode !== ReturnCode.NOT_PENDING))
    return answers
  })
  const isPending = Effect.gen(function* () {
    yield* TargetStream.settle(wire)
    const answers = yield* Semaphore.withPermits(wire.order, 1)(ask)
    let isPending = false
    for (const answer of answers) if (yield* answer) isPending = true
    return isPending
  })
  const stored = isPending.pipe(
    Effect.repeat({
      schedule: Schedule.spaced(Duration.millis(pendingPollMillis)),
      while: (pending: boolean) => pending
    }),
    Effect.asVoid
  )
  return { isPending, stored }
}

const isMissing = ({ returnCode }: DataPending.Reply): Effect.Effect<boolean, RelayRefused> =>
  returnCode === ReturnCode.UNKNOWN_STREAM
    ? Effect.fail(new RelayRefused({ command: DataPending.name, returnCode }))
    : Effect.succeed(returnCode !== ReturnCode.NOT_PENDING)

interface Kind {
  readonly isSnapshot: boolean
  readonly isLive: boolean
  readonly mayClear: boolean
}

interface TickingSession extends Session {
  readonly tick: (clock: () => bigint) => Effect.Effect<void, CommandFailed>
}

const makeSession = (
  wire: TargetStream.Wire,
  created: CreateSession.Reply,
  chunks: TargetChunks.Chunks,
  kind: Kind
): TickingSession => {
  const { control } = wire
  const { sessionId } = created
  const streams = TargetChunks.makeStreams()
  const moves = Semaphore.makeUnsafe(1)
  const ticking = Semaphore.makeUnsafe(1)
  const betweenTicks = Semaphore.withPermits(ticking, 1)
  let isPublished = false
  let hasLeft = false
  const closed = new AlreadyClosed({ what: `session ${sessionId}` })
  const whileOpen = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | AlreadyClosed> =>
    Effect.suspend((): Effect.Effect<A, E | AlreadyClosed> => (wire.isClosing ? Effect.fail(closed) : effect))
  const publish = Effect.suspend(() => {
    isPublished = true
    return kind.isSnapshot || !wire.hasIndex ? Effect.void : Effect.asVoid(control.insist(StreamsSent, {}))
  })
  const publishAgain = Effect.suspend(() => (isPublished ? publish : Effect.void))
  const { isPending, stored } = makePending(wire, streams, sessionId)
  const mover = TargetChunks.makeMover(wire, streams, chunks, publishAgain)
  const move = <A, E>(feature: string, isPossible: boolean, moved: Effect.Effect<A, E>) =>
    isPossible
      ? Semaphore.withPermits(moves, 1)(whileOpen(moved))
      : Effect.fail(new NotNegotiated({ feature, minor: control.minor }))
  // An interruption does not divide it: a stream is known to the relay and to us, or to neither.
  const add = <S extends TargetChunks.AnyStream>(added: Effect.Effect<S, AskFailed>) =>
    TargetStream.inAskingTurn(wire, whileOpen(Effect.map(added, streams.add<S>)))
  const closeAll = Effect.suspend(() => Effect.forEach(streams.open(), (stream) => stream.closeNow, { discard: true }))
  const { moveToCompleted, delete: deleteChunk } = CloseTraceChunk.CloseCommand
  const archive = (times: ChunkTimes) => mover.next(moveToCompleted, times)
  /** To be run in a settled turn: closes everything that is still open, and the last chunk. */
  const leave = (isArchived: boolean, closedAt: number | undefined) =>
    Effect.gen(function* () {
      if (hasLeft) return
      if (chunks.exist && !kind.isSnapshot) yield* mover.toNone
      if (kind.isSnapshot) yield* closeAll
      if (chunks.exist) yield* chunks.close(chunks.current(), isArchived ? moveToCompleted : undefined, closedAt)
      yield* closeAll
      hasLeft = true
    })
  return {
    id: sessionId,
    minor: control.minor,
    outputPath: created.outputPath,
    stream: (options) => add(TargetStream.makeData(wire, options)),
    metadata: (path) => {
      const canReset = !kind.isLive && features(control.minor).resetMetadata
      return add(TargetStream.makeMetadata(wire, path, canReset))
    },
    publish: whileOpen(publish),
    isPending: whileOpen(isPending),
    stored: whileOpen(stored),
    tick: (clock) =>
      betweenTicks(
        Effect.suspend(() =>
          Effect.forEach(streams.data(), (stream) => Effect.suspend(() => stream.tick(clock())), { discard: true })
        )
      ),
    rotate: (times = {}) => move("rotation", chunks.exist, Effect.andThen(TargetChunks.check(times), archive(times))),
    rotateClosed: (times = {}) =>
      move(
        "rotation",
        chunks.exist,
        TargetChunks.check(times).pipe(
          Effect.andThen(stored),
          Effect.andThen(Turns.begun([ticking, wire.order], closeAll)),
          Effect.andThen(archive(times))
        )
      ),
    clear: move("clear", chunks.exist && kind.mayClear, Effect.asVoid(mover.next(deleteChunk, {}))),
    close: ({ archive: isArchived, closedAt } = {}) =>
      Effect.gen(function* () {
        if (hasLeft) return
        yield* TargetChunks.check({ ...(closedAt !== undefined && { closedAt }) })
        // The permit is never given back: the tick that is on its way was the last.
        if (!wire.isClosing) yield* Semaphore.take(ticking, 1)
        wire.isClosing = true
        yield* stored
        yield* TargetStream.inSettledTurn(wire, leave(isArchived ?? mover.hasArchived(), closedAt))
        if (chunks.exist) yield* chunks.gone(chunks.current())
      }).pipe(Semaphore.withPermits(moves, 1))
  }
}
