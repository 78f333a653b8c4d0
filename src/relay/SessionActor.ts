/**
 * One relay session: its chunk pointers, rotation state, streams and publication (streaming.md §4, §6.2–6.3, §6.13–6.16,
 * §11). Its fiber runs the commands that touch files one at a time and supervises the fibers of its streams.
 *
 * Races. Several relay sessions share chunks: renames are idempotent and exclude opens inside the chunk's directory.
 * Packets may arrive while the session ends: a closed stream is unknown from that turn on, its files complete later.
 * The session ends when its control connection, its bound data connections and its stream fibers have ended.
 */
import { Deferred, Effect, FiberMap, Queue } from "effect"
import type { Account } from "../memory/Blocks.ts"
import {
  isClimbing,
  isSafeChannelName,
  isSafeChunkName,
  isSafeStreamPath,
  regroupBySession,
  withoutLeadingSlash
} from "../model/Path.ts"
import * as Names from "../model/TraceChunk.ts"
import * as ReturnCode from "../protocol/ReturnCode.ts"
import type { FileFailed } from "../storage/Files.ts"
import * as Beacon from "./Beacon.ts"
import type { Owner } from "./Chunks.ts"
import type { CloseReason } from "./CloseReason.ts"
import type { Registry } from "./Registry.ts"
import { StreamActor } from "./StreamActor.ts"
import { TraceChunk } from "./TraceChunk.ts"
import { Viewers } from "./Viewers.ts"

/** What `CREATE_SESSION` fixed for good. */
export interface Identity {
  readonly id: number
  readonly minor: number
  readonly sessionName: string
  readonly hostname: string
  /** Relative to the output directory; empty for peers older than 2.11. */
  readonly outputPath: string
  /** µs; 0 = not live. */
  readonly liveTimer: number
  readonly isSnapshot: boolean
  readonly traceFormat: 1 | 2
  /** Seconds since the epoch. */
  readonly creationTime: bigint
  readonly owner: Owner
  readonly hasIndex: boolean
  readonly hasChunks: boolean
  /** Joined, or anonymous; the session takes over the caller's reference. */
  readonly chunk: TraceChunk | undefined
}

/** A refusal that ends the connection after the reply. */
export interface Outcome {
  readonly returnCode: number
  readonly isAbort: boolean
}

const accepted: Outcome = { returnCode: ReturnCode.OK, isAbort: false }
const abort = (returnCode: number): Outcome => ({ returnCode, isAbort: true })

/** A connection of the session, as the session sees it. */
export interface Connection {
  readonly end: (reason: CloseReason) => void
}

/** Commands wait here one at a time per control connection; more than this is a bug. */
const mailboxCountMax = 64

type ChunkUnused = (owner: Owner, chunk: TraceChunk) => void
type Mailbox = Queue.Queue<Effect.Effect<void>>

export const make = (identity: Identity, registry: Registry["Service"], onChunkUnused: ChunkUnused) =>
  Effect.map(
    Queue.bounded<Effect.Effect<void>>(mailboxCountMax),
    (mailbox) => new SessionActor(identity, registry, onChunkUnused, mailbox)
  )

export class SessionActor {
  readonly identity: Identity
  readonly id: number
  /** Open streams, by handle. */
  readonly streams = new Map<number, StreamActor>()
  readonly traceIds = new Map<string, bigint>()
  currentChunk: TraceChunk | undefined
  pendingClosureChunk: TraceChunk | undefined
  isOngoingRotation = false
  hasRotated = false
  isConnectionClosed = false
  isAborted = false
  readonly viewers: Viewers
  /** Sessions of the same tracing session, this one included. */
  siblings: ReadonlySet<SessionActor> = new Set([this])
  readonly #unpublished = new Set<StreamActor>()
  readonly #registry: Registry["Service"]
  readonly #onChunkUnused: ChunkUnused
  readonly #mailbox: Mailbox
  readonly #ended = Deferred.makeUnsafe<void>()
  readonly #connections = new Set<Connection>()
  /** Closed streams whose files are not complete yet. */
  readonly #completing = new Set<StreamActor>()
  #control: Connection | undefined
  #streamFiberCount = 0
  #isFinishing = false

  constructor(identity: Identity, registry: Registry["Service"], onChunkUnused: ChunkUnused, mailbox: Mailbox) {
    this.#mailbox = mailbox
    this.identity = identity
    this.id = identity.id
    this.currentChunk = identity.chunk
    this.#registry = registry
    this.#onChunkUnused = onChunkUnused
    this.viewers = new Viewers(registry.options.liveCacheBytes)
  }

  // ---- life ------------------------------------------------------------------------------------------------------

  /** The session's fiber. */
  get run(): Effect.Effect<void> {
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        this.#fibers = yield* FiberMap.make<number>()
        const { liveTimer } = this.identity
        if (liveTimer > 0) {
          yield* Effect.forkScoped(Beacon.watch({ liveTimer, streams: this.streams, stalls: this.viewers }))
        }
        while (true) {
          const command = yield* Queue.take(this.#mailbox)
          yield* command
        }
      })
    ).pipe(
      Effect.raceFirst(Deferred.await(this.#ended)),
      Effect.catchCause((cause) => Effect.logError("session failed", cause)),
      Effect.ensuring(Effect.sync(() => this.#onFiberEnd())),
      Effect.annotateLogs({ session: `${this.identity.sessionName || "?"}#${this.id}` })
    )
  }
  #fibers: FiberMap.FiberMap<number> | undefined

  /** Done when the session and all its files are. */
  get ended(): Effect.Effect<void> {
    return Deferred.await(this.#ended)
  }

  /** Runs a command in the session's fiber. `whenGone` answers when the session has ended meanwhile. */
  ask<A>(command: Effect.Effect<A>, whenGone: A): Effect.Effect<A> {
    return Effect.suspend(() => {
      const reply = Deferred.makeUnsafe<A>()
      const job = Effect.flatMap(Effect.exit(command), (exit) => Effect.asVoid(Deferred.done(reply, exit)))
      if (this.#isFinishing || !Queue.offerUnsafe(this.#mailbox, job)) return Effect.succeed(whenGone)
      return Effect.raceFirst(Deferred.await(reply), Effect.as(this.ended, whenGone))
    })
  }

  attachControl(connection: Connection): void {
    this.#control = connection
    this.#connections.add(connection)
  }

  /** A data connection delivered its first bytes for this session. */
  bindData(connection: Connection): void {
    this.#connections.add(connection)
  }

  /** Either kind of connection is gone: the session closes; with the last one it ends, whatever it waited for. */
  detach(connection: Connection, isAbort: boolean): void {
    if (!this.#connections.delete(connection)) return
    if (connection === this.#control) this.#control = undefined
    if (isAbort) this.isAborted = true
    this.isConnectionClosed = true
    this.#closeStreams(this.isAborted || this.#connections.size === 0)
    this.#finishIfDone()
  }

  /** Ends the session at once, as an error on one of its connections does; its connections are told. */
  abort(reason: CloseReason): void {
    this.isAborted = true
    this.isConnectionClosed = true
    this.#closeStreams(true)
    for (const connection of this.#connections) connection.end(reason)
    this.#finishIfDone()
  }

  #closeStreams(isForced: boolean): void {
    for (const stream of [...this.streams.values()]) this.closeStream(stream, isForced)
  }

  closeStream(stream: StreamActor, isForced = this.isAborted): void {
    if (!this.streams.has(stream.handle) || !stream.tryClose(isForced)) return
    this.streams.delete(stream.handle)
    this.#registry.streams.delete(stream.handle)
    this.#unpublished.delete(stream)
    this.#completing.add(stream)
    this.#registry.totals.packetCount += stream.packetCount
    this.#registry.totals.byteCount += stream.byteCount
  }

  get isComplete(): boolean {
    return this.#completing.size === 0
  }

  /** Done when the files of every closed stream are complete. */
  get completed(): Effect.Effect<void> {
    return Effect.forEach(this.#completing, (stream) => Effect.ignore(stream.log.synced), { discard: true })
  }

  /** A file of the stream could not be written: the session ends as the reference's does (storage.md §7). */
  #onFileFailed(stream: StreamActor): void {
    this.isAborted = true
    this.isConnectionClosed = true
    this.#closeStreams(true)
    for (const connection of this.#connections) {
      // After an error on packets the reference keeps the control connection until it names a stream.
      if (stream.isMetadata === (connection === this.#control)) connection.end("write failed")
    }
    this.#finishIfDone()
  }

  #finishIfDone(): void {
    if (this.#isFinishing || this.#connections.size > 0 || this.#streamFiberCount > 0 || this.streams.size > 0) return
    this.#isFinishing = true
    this.currentChunk?.release()
    this.pendingClosureChunk?.release()
    this.currentChunk = undefined
    this.pendingClosureChunk = undefined
    Deferred.doneUnsafe(this.#ended, Effect.void)
  }

  /** Reached by `#finishIfDone`, by a defect, or by the relay's end: in any case nothing of the session stays. */
  #onFiberEnd(): void {
    if (this.#isFinishing) return
    this.#streamFiberCount = 0
    this.abort("defect")
    this.#connections.clear()
    this.#finishIfDone()
  }

  // ---- streams ---------------------------------------------------------------------------------------------------

  /** `ADD_STREAM`, steps 2–10 (§6.2). The handle may be spent although the stream is refused. */
  addStream(request: StreamRequest): Effect.Effect<{ readonly handle: bigint; readonly returnCode: number }> {
    return Effect.gen({ self: this }, function* () {
      const registry = this.#registry
      const refused = { handle: noHandle, returnCode: ReturnCode.UNKNOWN }
      const path = this.#streamPath(request.pathname, request.connectionMinor)
      if (path === undefined || !isSafeChannelName(request.channelName)) return refused
      const handle = registry.nextStreamHandle()
      const spent = { handle: BigInt(handle), returnCode: ReturnCode.UNKNOWN }
      const { currentChunk } = this
      const tracefileSize = clampToNumber(request.tracefileSize)
      const tracefileCount = clampToNumber(request.tracefileCount)
      if ((tracefileSize !== 0 && tracefileCount === 0) || currentChunk === undefined) return spent
      if (!isSafeStreamPath(path)) return spent
      currentChunk.retain()
      const stream = new StreamActor({
        session: this,
        gather: registry.gather,
        events: registry.events,
        handle,
        path,
        channelName: request.channelName,
        tracefileSize,
        tracefileCount,
        hasIndex: this.identity.hasIndex,
        sessionMinor: this.identity.minor,
        chunk: currentChunk,
        account: request.account
      })
      const failure = yield* Effect.match(stream.open, { onSuccess: () => undefined, onFailure: (cause) => cause })
      if (failure !== undefined) {
        currentChunk.release()
        yield* Effect.logError("stream file could not be made", failure.message)
        return spent
      }
      if (this.isConnectionClosed) {
        // The session was closed while the file was being opened.
        yield* this.#startStream(stream)
        this.closeStream(stream, true)
        return spent
      }
      if (!this.traceIds.has(path)) this.traceIds.set(path, registry.nextTraceId())
      this.#unpublished.add(stream)
      yield* this.#startStream(stream)
      const { channelName } = request
      registry.events.publish({ _tag: "StreamAdded", sessionId: this.id, streamId: handle, path, channelName })
      return { handle: BigInt(handle), returnCode: ReturnCode.OK }
    })
  }

  #startStream(stream: StreamActor): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.streams.set(stream.handle, stream)
      this.#registry.streams.set(stream.handle, stream)
      this.#streamFiberCount++
      const ended = Effect.gen({ self: this }, function* () {
        this.closeStream(stream, true)
        yield* stream.log.abandon
        this.#streamFiberCount--
        this.#completing.delete(stream)
        this.#finishIfDone()
      })
      const body = stream
        .run((failure) =>
          Effect.map(Effect.logError("file could not be written: session aborted", failure.message), () =>
            this.#onFileFailed(stream)
          )
        )
        .pipe(
          Effect.catchCause((cause) => Effect.logError("stream failed", cause)),
          Effect.ensuring(ended),
          Effect.annotateLogs({ stream: `${stream.path}/${stream.channelName}#${stream.handle}` })
        )
      return Effect.asVoid(FiberMap.run(this.#fibers as FiberMap.FiberMap<number>, stream.handle, body))
    })
  }

  #streamPath(pathname: string, connectionMinor: number): string | undefined {
    const path = withoutLeadingSlash(pathname)
    if (path === "" || isClimbing(path)) return undefined
    if (this.#registry.options.grouping === "host") return path
    // Peers of 2.4 to 2.10 send the whole path; older ones have no session name to group by.
    if (connectionMinor < 4 || connectionMinor >= 11) return path
    return regroupBySession(path, this.identity.sessionName, this.identity.creationTime)
  }

  /** `STREAMS_SENT`: every unpublished stream becomes visible to viewers in one turn. */
  publishStreams(): void {
    const published = [...this.#unpublished]
    this.#unpublished.clear()
    for (const stream of published) stream.isPublished = true
    this.viewers.publish(published)
  }

  // ---- trace chunks ----------------------------------------------------------------------------------------------

  /** `CREATE_TRACE_CHUNK` (§6.15). */
  makeTraceChunk(request: ChunkRequest): Effect.Effect<Outcome> {
    return Effect.gen({ self: this }, function* () {
      this.isOngoingRotation = true
      const { currentChunk: current, identity } = this
      // Chunks share the session directory: one that is being put away must not meet the files of the next.
      yield* this.#registry.chunks.allSettled(identity.owner)
      if (current !== undefined && !current.hasOverrideName) {
        if (!(yield* this.#succeeds(current.moveTo(Names.oldChunkPath)))) return abort(ReturnCode.UNKNOWN)
      }
      const { overrideName } = request
      if (overrideName !== undefined && !isSafeChunkName(overrideName)) return abort(ReturnCode.INVALID)
      const name = { id: request.chunkId, creationTime: request.creationTime, closeTime: undefined, overrideName }
      const path = Names.initialPath(name, current !== undefined, this.hasRotated)
      const sessionPath = identity.outputPath
      const fresh = new TraceChunk({
        directory: this.#registry.store.directory(path === "" ? sessionPath : `${sessionPath}/${path}`),
        sessionPath,
        name,
        path,
        onUnused: (chunk) => this.#onChunkUnused(identity.owner, chunk)
      })
      if (!(yield* this.#succeeds(fresh.directory.make))) return abort(ReturnCode.UNKNOWN)
      const published = this.#registry.chunks.publish(identity.owner, request.chunkId, fresh)
      if (this.pendingClosureChunk !== undefined) {
        published.release()
        return abort(ReturnCode.INVALID_PROTOCOL)
      }
      this.pendingClosureChunk = current
      this.currentChunk = published
      if (current === undefined) this.isOngoingRotation = false
      return accepted
    })
  }

  /** `CLOSE_TRACE_CHUNK` (§6.16). `path` is undefined when nothing follows the code. */
  closeTraceChunk(request: CloseRequest): Effect.Effect<Outcome & { readonly path: string | undefined }> {
    return Effect.suspend(() => {
      const chunk = this.#registry.chunks.acquire(this.identity.owner, request.chunkId)
      if (chunk === undefined) return Effect.succeed({ ...abort(ReturnCode.NO_MEMORY), path: undefined })
      return Effect.ensuring(
        this.#close(chunk, request),
        Effect.sync(() => chunk.release())
      )
    })
  }

  #close(chunk: TraceChunk, request: CloseRequest): Effect.Effect<Outcome & { readonly path: string | undefined }> {
    return Effect.gen({ self: this }, function* () {
      const { closeCommand: command } = request
      const isDelete = command === Names.closeCommand.delete
      const refused = (returnCode: number) => ({ ...abort(returnCode), path: undefined })
      if (isDelete && !this.#registry.options.allowClear) return refused(ReturnCode.INVALID_PROTOCOL)
      if (this.pendingClosureChunk !== undefined && this.pendingClosureChunk !== chunk) {
        return refused(ReturnCode.INVALID_PROTOCOL)
      }
      const { currentChunk: current, hasRotated } = this
      if (current?.name !== undefined && current !== chunk && !current.hasOverrideName) {
        const settled = Names.settledPath(current.name, command, hasRotated)
        if (!(yield* this.#succeeds(current.moveTo(settled)))) return refused(ReturnCode.UNKNOWN)
        this.isOngoingRotation = false
      }
      const isKept = command === undefined || command === Names.closeCommand.noOperation
      if (isKept && chunk.name !== undefined && !chunk.hasOverrideName) {
        const restored = Names.restoredPath(chunk.name, hasRotated)
        if (!(yield* this.#succeeds(chunk.moveTo(restored)))) return refused(ReturnCode.UNKNOWN)
      }
      if (command !== undefined && command > Names.closeCommand.delete) return refused(ReturnCode.INVALID)
      chunk.close(request.closeTime, command)
      const { outputPath, isSnapshot } = this.identity
      // The reference answers from the state before this close, so the first rotation names the bare session path.
      const path = Names.closeReplyPath(outputPath, chunk.name as Names.ChunkName, { hasRotated, isSnapshot })
      if (command === Names.closeCommand.moveToCompleted) this.hasRotated = true
      if (isDelete) for (const stream of this.streams.values()) stream.model.runs.dropChunk(chunk)
      this.#dropPointers(chunk)
      return { ...accepted, path }
    })
  }

  #dropPointers(chunk: TraceChunk): void {
    if (this.currentChunk === chunk) {
      this.currentChunk = undefined
      chunk.release()
    }
    const pending = this.pendingClosureChunk
    this.pendingClosureChunk = undefined
    pending?.release()
  }

  /** `ROTATE_STREAMS` (§6.14): earlier positions stay applied when a later one is refused. */
  rotateStreams(request: RotateRequest): Effect.Effect<Outcome> {
    return Effect.gen({ self: this }, function* () {
      const { newChunkId } = request
      const chunk =
        newChunkId === undefined ? undefined : this.#registry.chunks.acquire(this.identity.owner, newChunkId)
      if (newChunkId !== undefined && chunk === undefined) return abort(ReturnCode.INVALID_PROTOCOL)
      const rotate = Effect.gen({ self: this }, function* () {
        for (const { streamId, rotateAtSeqNum } of request.positions) {
          const stream = this.#registry.streams.get(Number(streamId))
          if (stream === undefined) return abort(ReturnCode.INVALID)
          chunk?.retain()
          if (!stream.rotate(rotateAtSeqNum, chunk)) {
            chunk?.release()
            return abort(ReturnCode.FILE_CREATION_ERROR)
          }
          // A rotation that is due creates files now, and its failure is the answer; one that waits is on its own.
          if (!stream.model.isRotating && !(yield* this.#succeeds(stream.log.synced))) {
            return abort(ReturnCode.FILE_CREATION_ERROR)
          }
        }
        return accepted
      })
      return yield* Effect.ensuring(
        rotate,
        Effect.sync(() => chunk?.release())
      )
    })
  }

  #succeeds(step: Effect.Effect<void, FileFailed>): Effect.Effect<boolean> {
    return step.pipe(
      Effect.as(true),
      Effect.catch((failure) => Effect.as(Effect.logError("file operation failed", failure.message), false))
    )
  }
}

export interface StreamRequest {
  readonly channelName: string
  readonly pathname: string
  readonly tracefileSize: bigint
  readonly tracefileCount: bigint
  readonly connectionMinor: number
  readonly account: Account
}

export interface ChunkRequest {
  readonly chunkId: bigint
  readonly creationTime: bigint
  readonly overrideName: string | undefined
}

export interface CloseRequest {
  readonly chunkId: bigint
  readonly closeTime: bigint
  readonly closeCommand: number | undefined
}

export interface RotateRequest {
  readonly newChunkId: bigint | undefined
  readonly positions: ReadonlyArray<{ readonly streamId: bigint; readonly rotateAtSeqNum: bigint }>
}

const noHandle = 0xffff_ffff_ffff_ffffn

/** Sizes and counts beyond 2⁵³ mean "never reached" as well as their own value would. */
const clampToNumber = (value: bigint) =>
  value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
