/**
 * One recording session as a target streams it: streams, live timer, rotations, the data-pending handshake, its end.
 *
 * A session owns one control and one data connection for as long as its scope. Leaving the scope without `close` looks
 * to the relay like a tracer that was killed: it keeps what it has.
 */
import { Duration, Effect, Exit, Schedule, Scope, Semaphore } from "effect"
import * as BeginDataPending from "../protocol/control/BeginDataPending.ts"
import * as CloseTraceChunk from "../protocol/control/CloseTraceChunk.ts"
import * as CreateSession from "../protocol/control/CreateSession.ts"
import * as CreateTraceChunk from "../protocol/control/CreateTraceChunk.ts"
import * as DataPending from "../protocol/control/DataPending.ts"
import * as EndDataPending from "../protocol/control/EndDataPending.ts"
import * as GetConfiguration from "../protocol/control/GetConfiguration.ts"
import * as QuiescentControl from "../protocol/control/QuiescentControl.ts"
import * as RotateStreams from "../protocol/control/RotateStreams.ts"
import * as StreamsSent from "../protocol/control/StreamsSent.ts"
import * as TraceChunkExists from "../protocol/control/TraceChunkExists.ts"
import * as ReturnCode from "../protocol/ReturnCode.ts"
import { type Features, features } from "../protocol/Version.ts"
import * as Dial from "../transport/Dial.ts"
import * as ControlClient from "./ControlClient.ts"
import { type CommandFailed, RelayRefused } from "./ControlClient.ts"
import type { Destination } from "./Destination.ts"
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

export interface ChunkTimes {
  readonly closedAt?: number
  readonly createdAt?: number
  readonly nextId?: bigint
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
type AnyStream = TargetStream.DataStreamState | TargetStream.MetadataStreamState

/** How often a target asks again: the habits of `lttng stop` and of the session daemon's rotation check. */
const pendingPollMillis = 100
const chunkPollMillis = 100

/**
 * Relays before 2.14 may look up the chunk of another session and never answer that ours is gone. Nothing depends on
 * the answer but when a caller learns that an archived chunk is in its place.
 */
const chunkGoneSeconds = 5

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
    const chunks = yield* makeChunks(control, abilities, options)
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

/** The trace chunk commands, and which chunk is current. */
interface Chunks {
  readonly exist: boolean
  readonly create: (times: ChunkTimes) => Effect.Effect<bigint, CommandFailed>
  readonly close: (
    id: bigint,
    command: number | undefined,
    at: number | undefined
  ) => Effect.Effect<string | undefined, CommandFailed>
  readonly gone: (id: bigint) => Effect.Effect<void, CommandFailed>
  readonly current: () => bigint
}

const makeChunks = (control: ControlClient.ControlClient, abilities: Features, options: SessionOptions) =>
  Effect.gen(function* () {
    let current = options.chunkId ?? 0n
    const request = (chunkId: bigint, at: number) => ({
      chunkId,
      creationTimestamp: BigInt(at),
      overrideName: options.snapshot
    })
    if (abilities.chunks) {
      const at = options.chunkTime ?? options.creationTime ?? nowSeconds()
      yield* control.insist(CreateTraceChunk, request(current, at))
    }
    const chunks: Chunks = {
      exist: abilities.chunks,
      current: () => current,
      create: ({ createdAt, nextId }) =>
        Effect.gen(function* () {
          const old = current
          const next = nextId ?? current + 1n
          yield* control.insist(CreateTraceChunk, request(next, createdAt ?? nowSeconds()))
          current = next
          return old
        }),
      close: (chunkId, closeCommand, at) =>
        Effect.map(
          control.insist(CloseTraceChunk, { chunkId, closeTimestamp: BigInt(at ?? nowSeconds()), closeCommand }),
          ({ path }) => path
        ),
      gone: (chunkId) =>
        Effect.gen(function* () {
          const reply = yield* control.ask(TraceChunkExists, { chunkId })
          if (reply.returnCode === ReturnCode.OK) return reply.exists
          return yield* new RelayRefused({ command: TraceChunkExists.name, returnCode: reply.returnCode })
        }).pipe(
          Effect.repeat({
            schedule: Schedule.spaced(Duration.millis(chunkPollMillis)),
            while: (exists: boolean) => exists
          }),
          Effect.timeoutOption(`${chunkGoneSeconds} seconds`),
          Effect.asVoid
        )
    }
    return chunks
  })

interface Kind {
  readonly isSnapshot: boolean
  readonly isLive: boolean
  readonly mayClear: boolean
}

interface TickingSession extends Session {
  readonly tick: (clock: () => bigint) => Effect.Effect<void, CommandFailed>
}

const isData = (stream: AnyStream): stream is TargetStream.DataStreamState => stream._tag === "Data"

const makeSession = (
  wire: TargetStream.Wire,
  created: CreateSession.Reply,
  chunks: Chunks,
  kind: Kind
): TickingSession => {
  const { control } = wire
  const streams = new Set<AnyStream>()
  const { sessionId } = created
  let isPublished = false
  let hasRotated = false
  const open = () => [...streams].filter((stream) => stream.isOpen())
  const data = () => open().filter(isData)
  const metadata = () => open().filter((stream) => !isData(stream))

  const publish = Effect.suspend(() => {
    isPublished = true
    return kind.isSnapshot || !wire.hasIndex ? Effect.void : Effect.asVoid(control.insist(StreamsSent, {}))
  })
  const isPending = Effect.gen(function* () {
    yield* TargetStream.settle(wire)
    yield* control.insist(BeginDataPending, { sessionId })
    let isMissing = false
    for (const stream of data()) {
      const request = { streamId: stream.handle(), lastNetSeqNum: stream.lastPairedNetSeqNum() }
      const { returnCode } = yield* control.ask(DataPending, request)
      if (returnCode === ReturnCode.UNKNOWN_STREAM)
        return yield* new RelayRefused({ command: "DATA_PENDING", returnCode })
      if (returnCode !== ReturnCode.NOT_PENDING) isMissing = true
    }
    for (const stream of metadata()) yield* control.insist(QuiescentControl, { streamId: stream.handle() })
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
  /** No packet of any stream while `effect` runs: a chunk ends between packets. */
  const stillness = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    data().reduceRight((inner, { lock }) => Semaphore.withPermits(lock, 1)(inner), effect)
  const rotateTo = (newChunkId: bigint | undefined, which: ReadonlyArray<AnyStream>) => {
    const positions = which.map((stream) => ({
      streamId: stream.handle(),
      rotateAtSeqNum: isData(stream) ? stream.lastPacketSeqNum() + 1n : 0n
    }))
    if (positions.length === 0) return Effect.void
    return Effect.asVoid(control.insist(RotateStreams, { newChunkId, positions }))
  }
  const swap = (command: number, times: ChunkTimes) =>
    Effect.gen(function* () {
      yield* TargetStream.settle(wire)
      const old = yield* chunks.create(times)
      const [renewed, rotated] = [data().filter((s) => !s.isRotatable()), data().filter((s) => s.isRotatable())]
      yield* rotateTo(chunks.current(), rotated)
      for (const stream of renewed) yield* stream.renew
      yield* rotateTo(chunks.current(), metadata())
      for (const stream of metadata()) yield* (stream as TargetStream.MetadataStreamState).repeat
      if (renewed.length > 0 && isPublished) yield* publish
      return { old, path: yield* chunks.close(old, command, times.closedAt) }
    })
  const insistOnChunks = (feature: string, isPossible: boolean) =>
    isPossible ? Effect.void : Effect.fail(new NotNegotiated({ feature, minor: control.minor }))
  const rotating = (command: number, times: ChunkTimes) =>
    Effect.gen(function* () {
      const { old, path } = yield* stillness(swap(command, times))
      yield* chunks.gone(old)
      return path
    })
  const { moveToCompleted, delete: deleteChunk } = CloseTraceChunk.CloseCommand
  const markRotated = () => {
    hasRotated = true
  }
  const remember = <S extends AnyStream>(stream: S) => {
    streams.add(stream)
    return stream
  }
  return {
    id: sessionId,
    minor: control.minor,
    outputPath: created.outputPath,
    stream: (options) => Effect.map(TargetStream.makeData(wire, options), remember),
    metadata: (path) =>
      Effect.map(
        TargetStream.makeMetadata(wire, path, !kind.isLive && features(control.minor).resetMetadata),
        remember
      ),
    publish,
    isPending,
    stored,
    tick: (clock) =>
      Effect.suspend(() =>
        Effect.forEach(data(), (stream) => Effect.suspend(() => stream.tick(clock())), { discard: true })
      ),
    rotate: (times = {}) =>
      insistOnChunks("rotation", chunks.exist).pipe(
        Effect.andThen(rotating(moveToCompleted, times)),
        Effect.tap(() => Effect.sync(markRotated))
      ),
    rotateClosed: (times = {}) =>
      Effect.gen(function* () {
        yield* insistOnChunks("rotation", chunks.exist)
        yield* stored
        for (const stream of open()) yield* stream.close
        const old = yield* chunks.create(times)
        const path = yield* chunks.close(old, moveToCompleted, times.closedAt)
        markRotated()
        yield* chunks.gone(old)
        return path
      }),
    clear: insistOnChunks("clear", chunks.exist && kind.mayClear).pipe(
      Effect.andThen(Effect.suspend(() => rotating(deleteChunk, {}))),
      Effect.asVoid
    ),
    close: ({ archive = hasRotated, closedAt } = {}) =>
      Effect.gen(function* () {
        yield* stored
        if (chunks.exist && !kind.isSnapshot) {
          // The others first: their rotation would wait for an index that never comes.
          for (const stream of data()) if (!stream.isRotatable()) yield* stream.close
          yield* stillness(Effect.suspend(() => rotateTo(undefined, data())))
          yield* rotateTo(undefined, metadata())
        }
        if (kind.isSnapshot) for (const stream of open()) yield* stream.close
        if (chunks.exist) {
          yield* chunks.close(chunks.current(), archive ? moveToCompleted : undefined, closedAt)
        }
        for (const stream of open()) yield* stream.close
        if (chunks.exist) yield* chunks.gone(chunks.current())
      })
  }
}
