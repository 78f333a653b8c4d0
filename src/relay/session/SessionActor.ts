/**
 * One relay session: its streams, their publication and its end (streaming.md §4, §6.2, §6.3, §11). Its fiber runs the
 * commands that touch files one at a time and supervises the fibers of its streams.
 *
 * Races. Packets may arrive while the session ends: a closed stream is unknown from then on, its files complete later.
 * The session ends when its control connection, its bound data connections and its stream fibers have ended, and what
 * was asked of it is done: a command that has come is carried out, even if nobody hears of it.
 */
import { Deferred, Effect, FiberSet } from "effect"
import { clockMillis } from "../../Machine.ts"
import { Lead } from "../../model/Lead.ts"
import type { Verdict } from "../../model/Silence.ts"
import type { FileFailed } from "../../storage/Files.ts"
import type { CloseReason } from "../CloseReason.ts"
import type { StreamActor } from "../stream/StreamActor.ts"
import type { Connection, StreamSession } from "../stream/StreamSession.ts"
import * as Totals from "../Totals.ts"
import { Announcement } from "./Announcement.ts"
import type { Identity } from "./Identity.ts"
import { Mailbox } from "./Mailbox.ts"
import * as NewStream from "./NewStream.ts"
import { watchNames } from "./Removals.ts"
import { type ChunkUnused, SessionChunks } from "./SessionChunks.ts"
import { StreamPlaces } from "./StreamPlaces.ts"
import type { Surroundings } from "./Surroundings.ts"
import { Viewers } from "./Viewers.ts"

export interface Control extends Connection {
  /** The last connection that could bring packets is gone. */
  readonly dataGone: () => void
}

export class SessionActor implements StreamSession {
  readonly identity: Identity
  readonly lead: Lead
  readonly id: number
  /** Open streams, by handle. */
  readonly streams = new Map<number, StreamActor>()
  /** Totals of its closed streams, by channel name. */
  readonly closedTotals = new Map<string, Totals.Totals>()
  readonly chunks: SessionChunks
  isConnectionClosed = false
  isAborted = false
  /** Nothing was heard of it for long (`model/Silence`), and it does not come by an edge, which may be gone. */
  isStalled = false
  /** ms of the relay's clock; of a stalled session, when it was heard last. */
  heardMillis = 0
  readonly createdMillis = clockMillis()
  readonly viewers: Viewers
  /** Sessions of the same tracing session, this one included. */
  siblings: ReadonlySet<SessionActor> = new Set([this])
  readonly places: StreamPlaces
  readonly #newStreams: NewStream.Place
  readonly #announcement = new Announcement()
  readonly #surroundings: Surroundings
  readonly #mailbox = new Mailbox()
  readonly #ended = Deferred.makeUnsafe<void>()
  readonly #connections = new Set<Connection>()
  /** Closed streams whose files are not complete yet. */
  readonly #completing = new Set<StreamActor>()
  #control: Control | undefined
  /** The relay ends it, whoever is still connected: no stream begins any more. */
  #isEnding = false
  #fibers: FiberSet.FiberSet | undefined
  #streamFiberCount = 0
  /** Commands that wait or are being carried out. */
  #askedCount = 0
  #isFinishing = false

  constructor(identity: Identity, surroundings: Surroundings, onChunkUnused: ChunkUnused) {
    this.identity = identity
    this.lead = new Lead(identity.liveTimer)
    this.id = identity.id
    this.#surroundings = surroundings
    this.chunks = new SessionChunks({
      identity,
      surroundings,
      streams: this.streams,
      siblings: () => this.siblings,
      onUnused: onChunkUnused
    })
    const places = new StreamPlaces(identity, surroundings)
    this.places = places
    const { chunks, streams } = this
    this.#newStreams = { session: this, identity, surroundings, places, streams, chunk: () => chunks.current }
    this.viewers = new Viewers(surroundings.liveCache, (_tag, viewerCount) =>
      surroundings.events.publish({ _tag, sessionId: this.id, viewerCount })
    )
  }

  /** Its name in log lines. */
  get label(): string {
    return `${this.identity.sessionName || "?"}#${this.id}`
  }

  // ---- life ------------------------------------------------------------------------------------------------------

  /** The session's fiber. */
  get run(): Effect.Effect<void> {
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const fibers = yield* FiberSet.make()
        this.#fibers = fibers
        const run = yield* FiberSet.runtime(fibers)<never>()
        const { liveTimer } = this.identity
        if (liveTimer > 0) {
          const { label, onVerdict, streams, viewers: stalls } = this
          const { beacons, incidents } = this.#surroundings
          yield* beacons.watch({ label, liveTimer, streams, stalls, incidents, onVerdict })
        }
        yield* watchNames(this.streams, this.#surroundings.incidents, run)
        yield* this.#mailbox.run
      })
    ).pipe(
      Effect.catchCause((cause) => this.#surroundings.incidents.report("SESSION_DEFECT", undefined, cause)),
      Effect.ensuring(Effect.sync(() => this.#onFiberEnd())),
      Effect.annotateLogs({ session: this.label })
    )
  }

  readonly onVerdict = (verdict: Verdict, silentMillis: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.isStalled = verdict !== "heard" && this.#surroundings.judgesSilence && !this.isByEdge
      this.heardMillis = clockMillis() - silentMillis
      return this.isStalled ? this.#surroundings.onStalled(this, verdict === "over") : Effect.void
    }).pipe(Effect.annotateLogs({ session: this.label }))

  /** Done when the session has ended and all its files are complete. */
  get ended(): Effect.Effect<void> {
    return Deferred.await(this.#ended)
  }

  /** Runs a command in the session's fiber. `whenGone` answers when the session has ended meanwhile. */
  ask<A>(command: Effect.Effect<A>, whenGone: A): Effect.Effect<A> {
    return Effect.suspend(() => {
      const reply = Deferred.makeUnsafe<A>()
      const job = Effect.map(Effect.exit(command), (exit) => {
        Deferred.doneUnsafe(reply, exit)
        this.#askedCount--
        this.#finishIfDone()
      })
      if (this.#isFinishing || !this.#mailbox.post(job)) return Effect.succeed(whenGone)
      this.#askedCount++
      return Effect.raceFirst(Deferred.await(reply), Effect.as(this.ended, whenGone))
    })
  }

  attachControl(connection: Control): void {
    this.#control = connection
    this.#connections.add(connection)
  }

  /** A data connection delivered its first bytes for this session. */
  bindData(connection: Connection): void {
    this.#connections.add(connection)
  }

  get isOngoingRotation(): boolean {
    // A session whose connection is gone completes no rotation.
    for (const { chunks, isConnectionClosed } of this.siblings) {
      if (chunks.isOngoingRotation && !isConnectionClosed) return true
    }
    return false
  }

  cyclesPerMilli(traceId: bigint): number | undefined {
    for (const { description, traceId: id } of this.streams.values()) {
      if (description !== undefined && id === traceId) return description.cyclesPerMilli
    }
    return undefined
  }

  /** A data connection is left: packets may come. */
  get hasData(): boolean {
    return this.#connections.size > (this.#control === undefined ? 0 : 1)
  }

  get awaitsIndexes(): boolean {
    const lacksOne = ({ model }: StreamActor) => model.inFlightCount > model.awaitingDataCount
    return this.#control !== undefined && [...this.streams.values()].some(lacksOne)
  }

  /** Either kind of connection is gone: the session closes; with the last one it ends, whatever it waited for. */
  detach(connection: Connection, isAbort: boolean): void {
    if (!this.#connections.delete(connection)) return
    if (connection === this.#control) this.#control = undefined
    if (isAbort) this.isAborted = true
    this.isConnectionClosed = true
    this.#closeStreams(this.isAborted || this.#connections.size === 0)
    if (!this.hasData) this.#control?.dataGone()
    this.#finishIfDone()
  }

  /** Ends the session at once, as an error on one of its connections does; its connections are told. */
  abort(reason: CloseReason): void {
    this.#isEnding = true
    this.isAborted = true
    this.isConnectionClosed = true
    this.#closeStreams(true)
    for (const connection of this.#connections) connection.end(reason)
    this.#finishIfDone()
  }

  #closeStreams(isForced: boolean): void {
    for (const handle of [...this.streams.keys()]) this.closeStream(handle, isForced)
  }

  closeStream(handle: number, isForced = this.isAborted): void {
    const stream = this.streams.get(handle)
    if (!stream?.tryClose(isForced)) return
    this.streams.delete(handle)
    this.places.traceIds.leave(stream.path)
    this.#surroundings.streams.delete(handle)
    this.#surroundings.options.onStreamEnd?.(handle)
    this.#announcement.remove(stream)
    this.#completing.add(stream)
    this.#surroundings.events.publish({ _tag: "StreamClosed", sessionId: this.id, streamId: handle })
    const totals = Totals.of(stream)
    Totals.add(this.#surroundings.totals, totals)
    Totals.addTo(this.closedTotals, stream.channelName, totals)
  }

  get isComplete(): boolean {
    return this.#completing.size === 0
  }

  /** Done when the files of every closed stream are complete. */
  get completed(): Effect.Effect<void> {
    return Effect.forEach(this.#completing, (stream) => Effect.ignore(stream.log.written), { discard: true })
  }

  /** A file of the stream could not be written: the session ends as the reference's does (storage.md §7). */
  #onFileFailed(stream: StreamActor, failure: FileFailed): void {
    this.#isEnding = true
    this.isAborted = true
    this.isConnectionClosed = true
    this.#closeStreams(true)
    for (const connection of this.#connections) {
      // After an error on packets the reference keeps the control connection until it names a stream.
      const isTold = connection === this.#control ? stream.isMetadata && !stream.isResetting : !stream.isMetadata
      if (isTold) connection.end("write failed")
    }
    this.#surroundings.journals.ofSession(this.id)?.failed(this.id, failure)
    this.#finishIfDone()
  }

  #finishIfDone(): void {
    const left = this.#connections.size + this.streams.size + this.#streamFiberCount + this.#askedCount
    if (this.#isFinishing || left > 0) return
    this.#isFinishing = true
    this.chunks.release()
    this.#mailbox.close()
    Deferred.doneUnsafe(this.#ended, Effect.void)
  }

  /** Reached by `#finishIfDone`, by a defect, or by the relay's end: in any case nothing of the session stays. */
  #onFiberEnd(): void {
    if (this.#isFinishing) return
    this.#streamFiberCount = 0
    this.#askedCount = 0
    this.abort("defect")
    this.#connections.clear()
    this.#finishIfDone()
  }

  // ---- streams ---------------------------------------------------------------------------------------------------

  /** `ADD_STREAM` (streaming.md §6.2). */
  addStream(request: NewStream.StreamRequest): Effect.Effect<AddedStream> {
    const added = Effect.gen({ self: this }, function* () {
      const stream = yield* NewStream.make(this.#newStreams, request)
      const handle = BigInt(stream.handle)
      if (yield* this.#startStream(stream)) return { handle, refusal: undefined }
      this.closeStream(stream.handle, true)
      return NewStream.refused(request, "STREAM_LATE", handle)
    })
    return this.#announcement.adding(Effect.catch(added, (refused) => Effect.succeed(refused)))
  }

  /** False: the session was closed, or failed, while the file was being opened, so nobody would close the stream. */
  #startStream(stream: StreamActor): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const { incidents } = this.#surroundings
      // Asked in the step that adds the stream: the session may end whenever the fiber yields. Without data connections
      // it still takes streams: as with the reference, another may bring packets.
      const isInTime = this.#control !== undefined && !this.#isEnding
      this.streams.set(stream.handle, stream)
      stream.traceId = this.places.traceIds.enter(stream.path)
      this.#surroundings.streams.set(stream.handle, stream)
      this.#streamFiberCount++
      if (isInTime) this.#announce(stream)
      const ended = Effect.gen({ self: this }, function* () {
        this.closeStream(stream.handle, true)
        yield* stream.log.abandon
        this.#streamFiberCount--
        this.#completing.delete(stream)
        this.#finishIfDone()
      })
      const body = stream
        .run((failure) => (this.#isLeft(failure) ? Effect.void : this.#failed(stream, failure)))
        .pipe(
          Effect.catchCause((cause) => incidents.report("STREAM_DEFECT", undefined, cause)),
          Effect.ensuring(ended),
          Effect.annotateLogs({ stream: `${stream.path}/${stream.channelName}#${stream.handle}` })
        )
      return Effect.as(FiberSet.run(this.#fibers as FiberSet.FiberSet, body), isInTime)
    })
  }

  #announce(stream: StreamActor): void {
    const { channelName, path } = stream
    if (!this.identity.hasChunks) this.identity.held.records(path)
    this.#announcement.add(stream)
    const ids = { sessionId: this.id, streamId: stream.handle }
    this.#surroundings.events.publish({ _tag: "StreamAdded", ...ids, path, channelName })
  }

  /** It comes by an edge's journal: the edge answers its tracer. */
  get isByEdge(): boolean {
    return this.#surroundings.journals.ofSession(this.id) !== undefined
  }

  /** The relay stops, and the failure is a full disk: the session's edge brings what is missing to the next relay. */
  #isLeft(failure: FileFailed): boolean {
    const { journals, store } = this.#surroundings
    return store.roomWait.isMendable(failure) && journals.ofSession(this.id)?.leave() === true
  }

  #failed(stream: StreamActor, failure: FileFailed): Effect.Effect<void> {
    const { events, incidents } = this.#surroundings
    return Effect.map(incidents.report("FILE_FAILED", failure.message), () => {
      const { code, operation, path } = failure
      events.publish({ _tag: "WriteFailed", sessionId: this.id, streamId: stream.handle, operation, path, code })
      this.#onFileFailed(stream, failure)
    })
  }

  /** ms of the relay's clock since when streams wait for `STREAMS_SENT` to publish them; undefined: none do. */
  get announcingSinceMillis(): number | undefined {
    return this.isConnectionClosed ? undefined : this.#announcement.sinceMillis
  }

  /** `STREAMS_SENT`: every unpublished stream becomes visible to viewers in one turn. */
  publishStreams(): void {
    const published = this.#announcement.take()
    for (const stream of published) stream.isPublished = true
    this.viewers.publish(published)
  }
}

/** The handle of the new stream, or why there is none. */
export type AddedStream = NewStream.Refused | { readonly handle: bigint; readonly refusal: undefined }
