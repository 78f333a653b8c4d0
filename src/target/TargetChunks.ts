/**
 * The trace chunks of a target's session: which is current, and the moves of its streams from one to the next.
 *
 * A chunk ends between packets: a move is one turn of the session's order, so no stream sends meanwhile, none comes or
 * goes, and what can rotate stays so. Streams that cannot, for want of an index to rotate at, are closed and added
 * again instead. Moves come one at a time: `TargetSession.ts`.
 */
import { Duration, Effect, Schedule } from "effect"
import { wallMillis } from "../Machine.ts"
import * as Names from "../model/TraceChunk.ts"
import * as CloseTraceChunk from "../protocol/control/CloseTraceChunk.ts"
import * as CreateTraceChunk from "../protocol/control/CreateTraceChunk.ts"
import * as RotateStreams from "../protocol/control/RotateStreams.ts"
import * as TraceChunkExists from "../protocol/control/TraceChunkExists.ts"
import * as ReturnCode from "../protocol/ReturnCode.ts"
import { type AskFailed, type ControlClient, RelayRefused } from "./ControlClient.ts"
import * as RequestInvalid from "./RequestInvalid.ts"
import * as TargetStream from "./TargetStream.ts"

/**
 * When the old chunk ends and the new begins, in seconds since the epoch, and the new one's id. By default now, and one
 * more than the old one's.
 */
export interface ChunkTimes {
  readonly closedAt?: number
  readonly createdAt?: number
  readonly nextId?: bigint
}

/** Checks times before anything moves: a failure in between would leave streams in two chunks. */
export const check = ({
  closedAt = 0,
  createdAt = 0
}: ChunkTimes): Effect.Effect<void, RequestInvalid.RequestInvalid> =>
  Effect.andThen(
    RequestInvalid.seconds(CreateTraceChunk.name, "creationTimestamp", createdAt),
    Effect.asVoid(RequestInvalid.seconds(CloseTraceChunk.name, "closeTimestamp", closedAt))
  )

export type AnyStream = TargetStream.DataStreamState | TargetStream.MetadataStreamState

/** The streams of a session that are still open, in the order they were added. */
export interface Streams {
  readonly add: <S extends AnyStream>(stream: S) => S
  readonly open: () => ReadonlyArray<AnyStream>
  readonly data: () => ReadonlyArray<TargetStream.DataStreamState>
  readonly metadata: () => ReadonlyArray<TargetStream.MetadataStreamState>
  /** How many are held, closed ones included. */
  readonly count: () => number
}

/** Fewer streams are not worth a look for closed ones. */
const lookCountMin = 16

export const makeStreams = (): Streams => {
  const all = new Set<AnyStream>()
  let openCount = 0
  const open = () => {
    // Applications come and go while their session goes on.
    for (const stream of all) if (!stream.isOpen()) all.delete(stream)
    openCount = all.size
    return [...all]
  }
  return {
    add: (stream) => {
      all.add(stream)
      if (all.size > 2 * Math.max(lookCountMin, openCount)) open()
      return stream
    },
    count: () => all.size,
    open,
    data: () => open().filter((stream) => stream._tag === "Data"),
    metadata: () => open().filter((stream) => stream._tag === "Metadata")
  }
}

const chunkPollMillis = 100

/**
 * How long to ask whether a chunk is gone. Relays before 2.14 may look up the chunk of another session and never answer
 * that ours is gone. Nothing depends on the answer but when a caller learns that an archived chunk is in its place.
 */
const chunkGoneSeconds = 5

const nowSeconds = () => Math.floor(wallMillis() / 1000)

/** The trace chunk commands, and which chunk is current. */
export interface Chunks {
  /** Whether the protocol has trace chunks. */
  readonly exist: boolean
  /** Creates a chunk, which becomes the current one; answers the one before. */
  readonly create: (times: ChunkTimes) => Effect.Effect<Chunk, AskFailed>
  /** Closes a chunk; answers where it goes, relative to the relay's output directory. */
  readonly close: (
    chunk: Chunk,
    command: number | undefined,
    at: number | undefined
  ) => Effect.Effect<string | undefined, AskFailed>
  /** Done when the relay has put the chunk in its place, or does not say so in time. */
  readonly gone: (chunk: Chunk) => Effect.Effect<void, AskFailed>
  readonly current: () => Chunk
}

interface Chunk {
  readonly id: bigint
  /** Seconds since the epoch. */
  readonly createdAt: number
}

interface FirstChunk {
  readonly exist: boolean
  readonly id: bigint
  readonly createdAt: number
  readonly overrideName: string | undefined
  /** The session's path, as the relay told it. */
  readonly sessionPath: string | undefined
}

/**
 * Where an archived chunk is. Relays answer from the state before this close: at the first rotation of a session they
 * name the session's directory. Where the chunk really is follows from its name, if the relay has our time zone.
 */
const archived = (path: string | undefined, sessionPath: string | undefined, chunk: Chunk, closedAt: number) => {
  if (path === undefined || path !== sessionPath) return path
  const times = { creationTime: BigInt(chunk.createdAt), closeTime: BigInt(closedAt) }
  return `${path}/${Names.archivePath}/${Names.nameOf({ id: chunk.id, ...times, overrideName: undefined })}`
}

/** Creates the first chunk, where the protocol has chunks. */
export const make = (control: ControlClient, first: FirstChunk): Effect.Effect<Chunks, AskFailed> =>
  Effect.gen(function* () {
    let current: Chunk = { id: first.id, createdAt: first.createdAt }
    const request = ({ id, createdAt }: Chunk) => ({
      chunkId: id,
      creationTimestamp: BigInt(createdAt),
      overrideName: first.overrideName
    })
    if (first.exist) yield* check(first)
    if (first.exist) yield* control.insist(CreateTraceChunk, request(current))
    const chunks: Chunks = {
      exist: first.exist,
      current: () => current,
      create: ({ createdAt, nextId }) =>
        Effect.gen(function* () {
          const old = current
          const next = { id: nextId ?? old.id + 1n, createdAt: createdAt ?? nowSeconds() }
          yield* control.insist(CreateTraceChunk, request(next))
          current = next
          return old
        }),
      close: (chunk, closeCommand, at) =>
        Effect.suspend(() => {
          const closedAt = at ?? nowSeconds()
          const close = { chunkId: chunk.id, closeTimestamp: BigInt(closedAt), closeCommand }
          const isArchived = closeCommand === CloseTraceChunk.CloseCommand.moveToCompleted
          return Effect.map(control.insist(CloseTraceChunk, close), ({ path }) =>
            isArchived ? archived(path, first.sessionPath, chunk, closedAt) : path
          )
        }),
      gone: ({ id }) =>
        Effect.gen(function* () {
          const reply = yield* control.ask(TraceChunkExists, { chunkId: id })
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

/** Moves the streams of a session between chunks. */
export interface Mover {
  /** Moves all streams to a new chunk; `command` says what becomes of the old one, whose path is answered. */
  readonly next: (command: number, times: ChunkTimes) => Effect.Effect<string | undefined, AskFailed>
  /** To be run in a settled turn, at the end of the session: moves all streams to no chunk at all. */
  readonly toNone: Effect.Effect<void, AskFailed>
  /** Whether a chunk was archived. */
  readonly hasArchived: () => boolean
}

/** `publishAgain` shows viewers the streams that were added again. */
export const makeMover = (
  wire: TargetStream.Wire,
  streams: Streams,
  chunks: Chunks,
  publishAgain: Effect.Effect<void, AskFailed>
): Mover => {
  const { control } = wire
  const { data, metadata } = streams
  const rotateTo = (newChunkId: bigint | undefined, which: ReadonlyArray<AnyStream>) => {
    const positions = which.map((stream) => ({
      streamId: stream.handle(),
      rotateAtSeqNum: stream._tag === "Data" ? stream.lastPacketSeqNum() + 1n : 0n
    }))
    if (positions.length === 0) return Effect.void
    return Effect.asVoid(control.insist(RotateStreams, { newChunkId, positions }))
  }
  let hasArchived = false
  const swap = (command: number, times: ChunkTimes) =>
    Effect.gen(function* () {
      const old = yield* chunks.create(times)
      const [renewed, rotated] = [data().filter((s) => !s.isRotatable()), data().filter((s) => s.isRotatable())]
      yield* rotateTo(chunks.current().id, rotated)
      for (const stream of renewed) yield* stream.renew
      yield* rotateTo(chunks.current().id, metadata())
      for (const stream of metadata()) yield* stream.repeat
      if (renewed.length > 0) yield* publishAgain
      const path = yield* chunks.close(old, command, times.closedAt)
      if (command === CloseTraceChunk.CloseCommand.moveToCompleted) hasArchived = true
      return { old, path }
    })
  return {
    hasArchived: () => hasArchived,
    next: (command, times) =>
      Effect.gen(function* () {
        const { old, path } = yield* TargetStream.inSettledTurn(wire, swap(command, times))
        yield* chunks.gone(old)
        return path
      }),
    toNone: Effect.gen(function* () {
      // Streams that cannot rotate are closed first: their rotation would wait for an index that never comes.
      for (const stream of data()) if (!stream.isRotatable()) yield* stream.closeNow
      yield* rotateTo(undefined, data())
      yield* rotateTo(undefined, metadata())
    })
  }
}
