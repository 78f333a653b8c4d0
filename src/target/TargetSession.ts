/**
 * One recording session as a target streams it: streams, live timer, rotations, the data-pending handshake, its end.
 *
 * A session owns one control and one data connection for as long as its scope. Leaving the scope without `close` looks
 * to the relay like a tracer that was killed: it keeps what it has.
 */
import { Duration, Effect, Exit, Schedule, Scope } from "effect"
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
import * as ControlClient from "./ControlClient.ts"
import { type CommandFailed, RelayRefused } from "./ControlClient.ts"
import type { Destination } from "./Destination.ts"
import type { ChunkTimes } from "./TargetChunks.ts"
import * as TargetChunks from "./TargetChunks.ts"
import * as TargetStream from "./TargetStream.ts"
import { NotNegotiated } from "./TargetStream.ts"

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
  readonly traceFormat?: 1 | 2
  /** Creation time of the first trace chunk; `creationTime` where not given. */
  readonly chunkTime?: number
  readonly chunkId?: bigint
  /** Below the target's own: an older protocol for this session only. */
  readonly minor?: number
}

export interface Session {
  /** The relay's id of it. */
  readonly id: bigint
  readonly minor: number
  /** Below the relay's output directory; relays before 2.11 do not tell. */
  readonly outputPath: string | undefined
  readonly stream: (options: TargetStream.StreamOptions) => Effect.Effect<TargetStream.DataStream, CommandFailed>
  readonly metadata: (path: string) => Effect.Effect<TargetStream.MetadataStream, CommandFailed>
  /** Shows the streams added so far to viewers, all at once. */
  readonly publish: Effect.Effect<void, CommandFailed>
  /** Archives the current trace chunk and goes on in a new one; answers where the old one goes. */
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
   */
  readonly close: (end?: {
    readonly archive?: boolean
    readonly closedAt?: number
  }) => Effect.Effect<void, CommandFailed>
}

export interface Identity {
  readonly hostname: string
  readonly sessiondUuid: string
  readonly sessionId: bigint
  readonly minorMax: number
}

type SessionFailed = Dial.DialFailed | CommandFailed | NotNegotiated

/** How often a target asks whether everything is stored, as `lttng stop` does. */
const pendingPollMillis = 100

const two = (value: number) => String(value).padStart(2, "0")
const datetime = (seconds: number): string => {
  const at = new Date(seconds * 1000)
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`
  return `${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`
}

const nowSeconds = () => Math.floor(Date.now() / 1000)

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
    // Of its own, so that closing the session can close the connections before the caller's scope ends.
    const scope = yield* Scope.fork(yield* Scope.Scope)
    const session = yield* Scope.provide(connect(destination, identity, options), scope)
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
    const { host, family, controlPort, dataPort, basePath } = destination
    const minorMax = Math.min(identity.minorMax, options.minor ?? identity.minorMax)
    const control = yield* ControlClient.connect({ host, port: controlPort, family }, minorMax)
    const abilities = features(control.minor)
    const isSnapshot = options.snapshot !== undefined
    const liveTimerMicros = Math.round(Duration.toMillis(Duration.fromInputUnsafe(options.liveTimer ?? 0)) * 1000)
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
      creationTime: BigInt(options.creationTime ?? nowSeconds()),
      currentChunkId: undefined,
      traceFormat: options.traceFormat ?? 1
    })
    const data = yield* Dial.dial({ host, port: dataPort, family })
    const wire: TargetStream.Wire = {
      control,
      data,
      hasIndex: abilities.index && !isSnapshot,
      pathPrefix: pathPrefixOf(abilities, identity.hostname, basePath, options),
      unsettled: []
    }
    const chunks = yield* TargetChunks.make(control, {
      exist: abilities.chunks,
      id: options.chunkId ?? 0n,
      createdAt: options.chunkTime ?? options.creationTime ?? nowSeconds(),
      overrideName: options.snapshot
    })
    const session = makeSession(wire, created, chunks, { isSnapshot, mayClear, isLive: liveTimerMicros > 0 })
    if (liveTimerMicros > 0) {
      const clock = options.clock ?? process.hrtime.bigint
      const tick = session.tick(clock).pipe(Effect.schedule(Schedule.fixed(Duration.micros(BigInt(liveTimerMicros)))))
      // A lost connection ends the beacons; whoever uses the session is told by its own calls.
      yield* Effect.forkScoped(Effect.ignore(tick))
    }
    return session
  })

const isClearAllowed = (control: ControlClient.ControlClient) =>
  Effect.map(
    control.insist(GetConfiguration, { queryFlags: 0n }),
    ({ configurationFlags }) => (configurationFlags & GetConfiguration.clearAllowed) !== 0n
  )

/** The handshake that tells whether the relay has everything. */
const makePending = (wire: TargetStream.Wire, streams: TargetChunks.Streams, sessionId: bigint) => {
  const { control } = wire
  const isPending = Effect.gen(function* () {
    yield* TargetStream.settle(wire)
    yield* control.insist(BeginDataPending, { sessionId })
    let isMissing = false
    for (const stream of streams.data()) {
      const request = { streamId: stream.handle(), lastNetSeqNum: stream.lastPairedNetSeqNum() }
      const { returnCode } = yield* control.ask(DataPending, request)
      if (returnCode === ReturnCode.UNKNOWN_STREAM)
        return yield* new RelayRefused({ command: "DATA_PENDING", returnCode })
      if (returnCode !== ReturnCode.NOT_PENDING) isMissing = true
    }
    for (const stream of streams.metadata()) yield* control.insist(QuiescentControl, { streamId: stream.handle() })
    const { returnCode } = yield* control.ask(EndDataPending, { sessionId })
    return isMissing || returnCode !== ReturnCode.NOT_PENDING
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
  let isPublished = false
  let hasRotated = false
  const publish = Effect.suspend(() => {
    isPublished = true
    return kind.isSnapshot || !wire.hasIndex ? Effect.void : Effect.asVoid(control.insist(StreamsSent, {}))
  })
  const publishAgain = Effect.suspend(() => (isPublished ? publish : Effect.void))
  const { isPending, stored } = makePending(wire, streams, sessionId)
  const mover = TargetChunks.makeMover(wire, streams, chunks, publishAgain)
  const insistOnChunks = (feature: string, isPossible: boolean) =>
    isPossible ? Effect.void : Effect.fail(new NotNegotiated({ feature, minor: control.minor }))
  const { moveToCompleted, delete: deleteChunk } = CloseTraceChunk.CloseCommand
  const markRotated = () => {
    hasRotated = true
  }
  return {
    id: sessionId,
    minor: control.minor,
    outputPath: created.outputPath,
    stream: (options) => Effect.map(TargetStream.makeData(wire, options), streams.add),
    metadata: (path) =>
      Effect.map(
        TargetStream.makeMetadata(wire, path, !kind.isLive && features(control.minor).resetMetadata),
        streams.add
      ),
    publish,
    isPending,
    stored,
    tick: (clock) =>
      Effect.suspend(() =>
        Effect.forEach(streams.data(), (stream) => Effect.suspend(() => stream.tick(clock())), { discard: true })
      ),
    rotate: (times = {}) =>
      insistOnChunks("rotation", chunks.exist).pipe(
        Effect.andThen(mover.next(moveToCompleted, times)),
        Effect.tap(() => Effect.sync(markRotated))
      ),
    rotateClosed: (times = {}) =>
      Effect.gen(function* () {
        yield* insistOnChunks("rotation", chunks.exist)
        yield* stored
        for (const stream of streams.open()) yield* stream.close
        markRotated()
        return yield* mover.next(moveToCompleted, times)
      }),
    clear: insistOnChunks("clear", chunks.exist && kind.mayClear).pipe(
      Effect.andThen(mover.next(deleteChunk, {})),
      Effect.asVoid
    ),
    close: ({ archive = hasRotated, closedAt } = {}) =>
      Effect.gen(function* () {
        yield* stored
        if (chunks.exist && !kind.isSnapshot) yield* mover.toNone
        if (kind.isSnapshot) for (const stream of streams.open()) yield* stream.close
        if (chunks.exist) yield* chunks.close(chunks.current(), archive ? moveToCompleted : undefined, closedAt)
        for (const stream of streams.open()) yield* stream.close
        if (chunks.exist) yield* chunks.gone(chunks.current())
      })
  }
}
